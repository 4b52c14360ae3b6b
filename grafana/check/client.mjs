/** A small client of the protocol: it sends any message, valid or not, and records the answers. */
import { Buffer } from 'node:buffer';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { typeCodes } from '../../dist/src/protocol/codes.js';

const POLL_MS = 20;

/** The binary frame of a message. */
function frameOf(type, fields, timestamp) {
  const json = Buffer.from(JSON.stringify(fields));
  const frame = Buffer.alloc(13 + json.length);
  frame[0] = typeCodes[type];
  frame.writeBigInt64BE(BigInt(timestamp), 1);
  frame.writeUInt32BE(json.length, 9);
  json.copy(frame, 13);
  return frame;
}

export class Client {
  /** Ids of the messages that were answered, and `pong` when one came. */
  answered = new Set();
  closed = false;
  #ids = 0;
  #ended;

  /** Resolves when the connection is open or refused. @param options `{token, json, from}`: from is an own address. */
  static async connect(url, options = {}) {
    const client = new Client(url, options);
    await Promise.race([new Promise((resolve) => client.socket.once('open', resolve)), client.#ended]);
    return client;
  }

  constructor(url, { token, json = false, from } = {}) {
    this.json = json;
    const query = token === undefined ? '' : `?token=${token}`;
    this.socket = new WebSocket(url + query, { localAddress: from, perMessageDeflate: false, handshakeTimeout: 5_000 });
    this.socket.on('error', () => undefined);
    this.#ended = new Promise((resolve) => this.socket.once('close', resolve)).then(() => (this.closed = true));
    this.socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
  }

  /** Returns the id by which the message is answered. */
  send(type, fields = {}, timestamp = Date.now()) {
    const id = `m${++this.#ids}`;
    if (this.closed) return id;
    if (this.json) this.socket.send(JSON.stringify({ type, id, timestamp, ...fields }));
    else this.socket.send(frameOf(type, { id, ...fields }, timestamp));
    return id;
  }

  /** Sends bytes or text as they are. */
  raw(data) {
    if (!this.closed) this.socket.send(data);
  }

  set(documentId, field, value) {
    return this.send('delta', { documentId, field, value });
  }

  /** Waits until a message is answered, the connection has ended, or the time is over. */
  async settled(id, limitMs = 3_000) {
    const end = Date.now() + limitMs;
    while (!this.answered.has(id) && !this.closed && Date.now() < end) await sleep(POLL_MS);
  }

  /** Waits until all that was sent before is answered, as far as the acceptor answers by itself. */
  async roundTrip() {
    this.answered.delete('pong');
    this.send('ping');
    await this.settled('pong');
  }

  /** Ends the connection. @param code None for a close frame without one. */
  async close(code) {
    if (this.closed) return;
    this.socket.close(code);
    await Promise.race([this.#ended, sleep(2_000)]);
  }

  #receive(data, isBinary) {
    const text = isBinary ? data.toString('utf8', 13) : data.toString();
    if (isBinary && data[0] === typeCodes.pong) this.answered.add('pong');
    const message = JSON.parse(text);
    if (message.type === 'pong') this.answered.add('pong');
    const answers = message.messageId ?? message.requestId ?? message.details?.messageId;
    if (answers !== undefined) this.answered.add(answers);
  }
}
