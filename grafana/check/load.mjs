/**
 * The load of the check: some clients that behave, and between them every kind of trouble that clients can make. What
 * cannot be made from outside is listed in coverage.mjs.
 */
import { Buffer } from 'node:buffer';
import { setTimeout as sleep } from 'node:timers/promises';
import { signToken } from '../../dist/src/auth/tokens/tokens.js';
import { Client } from './client.mjs';
import { batch, textOf, writeSomething } from './content.mjs';
import { manageDocuments } from './documents.mjs';
import { asker, useHttp } from './http.mjs';
import { secret } from './servers.mjs';

const everything = { canRead: ['*'], canWrite: ['*'], isAdmin: false };

function tokenFor(userId, permissions = everything, expiresInMs = 600_000) {
  return signToken({ secret, userId, permissions, expiresInMs });
}

const times = (count, make) => Promise.all(Array.from({ length: count }, (_, i) => make(i)));

/** All that can be done to one cluster. @param url Of its WebSocket. */
export class Load {
  #url;
  #token = tokenFor('ann');
  #steady = [];
  #stopped = false;
  #paused = false;

  constructor(url) {
    this.#url = url;
  }

  #connect(options = {}) {
    return Client.connect(this.#url, { token: this.#token, ...options });
  }

  /** Clients that write and listen until `stop`, and come back when they are sent away. Writes a second: 8 per client. */
  startSteady(documents, clientsPerDocument) {
    for (let i = 0; i < documents * clientsPerDocument; i++) {
      this.#steady.push(this.#behave(`steady-${i % documents}`, i));
    }
  }

  /** Until `resume`, the clients that behave and those that insist write nothing. */
  pause() {
    this.#paused = true;
  }

  resume() {
    this.#paused = false;
  }

  async stop() {
    this.#stopped = true;
    await Promise.all(this.#steady);
  }

  async #behave(documentId, number) {
    let i = 0;
    while (!this.#stopped) {
      const client = await this.#connect({ json: number % 2 === 1 });
      await client.settled(client.send('subscribe', { documentId }));
      while (!client.closed && !this.#stopped) {
        if (!this.#paused) writeSomething(client, documentId, i++);
        await sleep(125);
      }
      await client.close(1000);
      if (!this.#stopped) await sleep(300);
    }
  }

  /** Reads of all kinds, messages that need no answer, and a write that comes in chunks. */
  async ask() {
    await times(4, async (i) => {
      const client = await this.#connect({ json: i % 2 === 1 });
      await client.settled(client.send('subscribe', { documentId: 'steady-0' }));
      await client.settled(client.send('sync_request', { documentId: 'steady-1', vectorClock: { server: 1 } }));
      client.send('sync_step1', { documentId: 'steady-2', stateVector: {} });
      client.send('unsubscribe', { documentId: 'steady-1' });
      client.send('auth', { token: this.#token });
      client.send('pong');
      if (client.json) client.send('connect');
      const whole = Buffer.from(
        JSON.stringify({
          type: 'delta',
          id: 'whole',
          timestamp: Date.now(),
          documentId: 'chunks',
          field: 'f',
          value: i,
        }),
      );
      for (const [chunkIndex, part] of [whole.subarray(0, 30), whole.subarray(30)].entries()) {
        client.send('delta_batch_chunk', { chunkId: 'c', totalChunks: 2, chunkIndex, data: part.toString('base64') });
      }
      await client.settled('whole');
      await client.roundTrip();
      await client.close(1000);
    });
  }

  /** What backends do, on a connection for each request: in both processes. */
  async request() {
    await times(3, () => useHttp(this.#httpUrl, this.#token));
  }

  /** What becomes of whole documents. */
  async manage() {
    const ask = asker(this.#httpUrl, tokenFor('root', { ...everything, isAdmin: true }));
    const connect = (user) => this.#connect({ token: tokenFor(user) });
    await times(2, (i) => manageDocuments(ask, connect, `managed-${i}-${Date.now()}`));
  }

  get #httpUrl() {
    return this.#url.replace(/^ws(.+)\/ws$/, 'http$1');
  }

  /** Texts that grow until their parts are joined, and operations that are sent on. */
  async type() {
    await times(2, async (number) => {
      const client = await this.#connect({ json: number % 2 === 1 });
      const documentId = `text-${number}-${Date.now()}`;
      const counter = { type: 'counter', operation: 'increment', value: 1, clientId: 'ann' };
      for (let i = 1; i <= 6; i++) {
        const deltas = [{ type: 'text-state', state: textOf(`ann-${number}`, i), clientId: `ann-${number}` }, counter];
        await client.settled(client.send('delta_batch', { documentId, deltas }));
      }
      await client.close(1000);
    });
  }

  /** Connections that end in every way that a client can choose. */
  async leave() {
    const codes = [1000, 1001, undefined, 1008, 1009, 1011, 1012, 1013, 4000];
    const clients = await times(codes.length + 1, () => this.#connect());
    await Promise.all(codes.map((code, i) => clients[i].close(code)));
    clients.at(-1).socket.terminate();
  }

  /** Tokens that are no good, expire, or do not come. */
  async authenticate() {
    const stays = (client, limitMs) => client.settled('the end', limitMs);
    await Promise.all([
      times(2, async () => stays(await this.#connect({ token: 'nonsense' }), 2_000)),
      times(2, async () => stays(await this.#connect({ token: tokenFor('ann', everything, -60_000) }), 2_000)),
      times(2, async () => stays(await this.#connect({ token: tokenFor('ann', everything, 1_500) }), 4_000)),
      times(2, async () => {
        const client = await this.#connect();
        client.send('auth', { token: 'nonsense' });
        await stays(client, 2_000);
      }),
      times(2, async () => {
        const client = await this.#connect({ token: tokenFor('bob', { ...everything, canRead: [], canWrite: [] }) });
        await client.settled(client.set('steady-0', 'f', 1));
        await client.close(1000);
      }),
      this.#comeWithoutToken(stays),
    ]);
  }

  /** Anonymous in the one process, and too late in the other: which one takes a connection is up to the kernel. */
  async #comeWithoutToken(stays) {
    for (let again = 0; again < 2; again++) {
      await times(12, async (i) => {
        const client = await this.#connect({ token: undefined, json: i % 2 === 1 });
        client.set('anonymous', 'f', i);
        await stays(client, 3_000);
        await client.close(1000);
      });
    }
  }

  /** What is no message, or an invalid one. */
  async garbage() {
    await times(2, async (i) => {
      const client = await this.#connect({ json: i % 2 === 1 });
      client.raw(Buffer.from('garbage'));
      client.raw(Buffer.concat([Buffer.from([0x99]), Buffer.alloc(11), Buffer.from([2]), Buffer.from('{}')]));
      client.set('no such/id', 'f', 1);
      client.send('delta', { documentId: 'd', field: 7, value: 1 });
      client.send('delta_batch', { documentId: 'large', deltas: batch(600, 0) });
      const state = { text: 'x'.repeat(2_000) };
      client.send('awareness_update', { documentId: 'd', clientId: `large-${i}`, state, clock: 1 });
      await client.roundTrip();
      await client.close(1000);
    });
  }

  /** Sessions over each of their limits. */
  async exceed() {
    const over = async (act) => {
      const client = await this.#connect();
      act(client);
      await client.roundTrip();
      await client.close(1000);
    };
    await over((client) => {
      for (let i = 0; i < 25; i++) client.send('subscribe', { documentId: `many-${i}` });
    });
    await over((client) => {
      for (let i = 0; i < 60; i++) client.send('sync_request', { documentId: 'steady-0' });
    });
    await over((client) => {
      const update = { documentId: 'd', state: {}, clock: 1 };
      for (let i = 0; i < 6; i++) client.send('awareness_update', { ...update, clientId: `too-many-${i}` });
    });
    await over((client) => {
      const chunk = { totalChunks: 2, chunkIndex: 0, data: 'AAAA' };
      for (let i = 0; i < 4; i++) client.send('delta_batch_chunk', { ...chunk, chunkId: `c${i}` });
    });
    // More than the node takes at once.
    await over((client) => {
      for (let i = 0; i < 12; i++) client.set('heavy', `f${i}`, 'x'.repeat(100_000));
    });
    await over((client) => {
      for (let i = 0; i < 4_000; i++) client.send('ping');
    });
  }

  /** More connections than an address, and than a process, may have. Each is an address of the loopback network. */
  async crowd() {
    const from = (address, count) => times(count, () => this.#connect({ from: address }));
    const crowd = [...(await from('127.0.0.2', 110)), ...(await from('127.0.0.3', 70))];
    await sleep(1_200);
    await Promise.all(crowd.map((client) => client.close(1000)));
  }

  /** Documents that nobody needs any more, more of them than may stay in memory, and then one is wanted again. */
  async browse(round) {
    const client = await this.#connect();
    for (let i = 0; i < 30; i++) {
      await client.settled(client.set(`page-${round}-${i}`, 'text', 'x'.repeat(8_000)));
    }
    await client.settled(client.send('subscribe', { documentId: `page-${round}-0` }));
    await client.close(1000);
  }

  /** Clients that show themselves, and go in three ways. */
  async meet() {
    await times(3, async (i) => {
      const client = await this.#connect({ json: i % 2 === 1 });
      const documentId = 'meeting';
      client.send('awareness_subscribe', { documentId });
      for (const [clock, suffix] of ['leaves', 'forgets', 'breaks'].entries()) {
        client.send('awareness_update', { documentId, clientId: `${i}-${suffix}`, state: { at: i }, clock });
      }
      client.send('awareness_update', { documentId, clientId: `${i}-leaves`, state: null, clock: 9 });
      for (let clock = 10; clock < 16; clock++) {
        client.send('awareness_update', { documentId, clientId: `${i}-breaks`, state: { at: clock }, clock });
        await sleep(500);
      }
      client.socket.terminate();
    });
  }

  /** Subscribers that stop reading while much is written. */
  async stall() {
    const documentId = 'stall';
    const slow = await times(6, (i) => this.#connect({ json: i % 2 === 1 }));
    for (const client of slow) await client.settled(client.send('subscribe', { documentId }));
    for (const client of slow) client.socket.pause();
    await times(4, async (writer) => {
      const client = await this.#connect();
      for (let i = 0; i < 70 && !client.closed; i++) {
        await client.settled(client.set(documentId, `w${writer}`, `${i}`.padEnd(100_000, 'x')));
      }
      await client.close(1000);
    });
    for (const client of slow) client.socket.terminate();
  }

  /** Writes without waiting for acks, while a disk fails. */
  async insist(writers, seconds) {
    await times(writers, async (writer) => {
      const client = await this.#connect({ json: writer % 2 === 1 });
      for (let i = 0; i < seconds * 10 && !client.closed; i++) {
        if (!this.#paused) client.set(`insist-${writer}`, `f${i}`, 'x'.repeat(4_000));
        await sleep(100);
      }
      await client.close(1000);
    });
  }
}
