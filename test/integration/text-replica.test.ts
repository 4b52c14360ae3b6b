/**
 * Clients that edit one text, and a server that joins their states and answers those that lag behind, all in one
 * process: at rest everybody has the same text. `SEEDS=1000` plays more sessions, `SEED=…` repeats one.
 */
import { readTextState, ReferenceText } from '#core-wasm/reference';
import { readFileSync } from 'node:fs';
import { test } from 'tap';
import { Random, seedsToPlay } from '../support/random.js';
import { TextReplica, type TextMessage } from '../support/clients/text-replica.js';

const clients = 4;
const steps = 120;
const phrases = [
  ...['a', 'b', 'c', ' ', 'Hello', 'Wor', 'the quick brown fox', '\n', '\r\n', '"quoted" \\ text'],
  ...['é', 'e\u0301', 'Привет', '日本語', '한국어', '🇫🇷🇩🇪', '👨‍👩‍👧‍👦', '👋🏽!', 'क्षत्रिय', 'நி', 'a\u0301\u0323b', 'Zürich'],
];

interface MergeCase {
  readonly name: string;
  readonly a: object;
  readonly b: object;
  readonly mergedText: string;
  /** The texts that clients get, where that depends on who merges. */
  readonly core?: { readonly ab: string; readonly ba: string };
}

/** A replica and its connection: messages arrive in order, some time after they were sent. */
interface Client {
  readonly replica: TextReplica;
  readonly sent: TextMessage[];
  readonly coming: TextMessage[];
  /** Edits that are not sent yet; a client sends its state when its user pauses. */
  dirty: boolean;
}

class Session {
  readonly clients: readonly Client[];
  readonly #random: Random;
  readonly #server = new ReferenceText();
  readonly #handle = this.#server.open();

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.clients = Array.from({ length: clients }, (_, index) => ({
      replica: new TextReplica(`client-${index}`),
      sent: [],
      coming: [],
      dirty: false,
    }));
  }

  play(): void {
    for (let step = 0; step < steps; step++) {
      const client = this.#random.pick(this.clients);
      const action = this.#random.below(100);
      if (action < 40) this.#edit(client);
      else if (action < 60) this.#send(client);
      else this.#deliver(client);
    }
    for (const client of this.clients) this.#send(client);
    for (let busy = this.#busy(); busy.length > 0; busy = this.#busy()) this.#deliver(this.#random.pick(busy));
  }

  get serverText(): string {
    return this.#server.text(this.#handle);
  }

  /** The server's state as a message. */
  get answer(): TextMessage {
    return { state: Buffer.from(this.#server.state(this.#handle, false)).toString(), clientId: 'server' };
  }

  #busy(): Client[] {
    return this.clients.filter(({ sent, coming }) => sent.length + coming.length > 0);
  }

  #edit(client: Client): void {
    const { replica } = client;
    const { length } = replica;
    client.dirty = true;
    if (length > 0 && this.#random.below(100) < 45) {
      const position = this.#random.below(length);
      replica.delete(position, this.#random.between(1, Math.min(8, length - position)));
    } else {
      replica.insert(this.#random.between(0, length), this.#random.pick(phrases));
    }
  }

  #send(client: Client): void {
    const { replica, sent } = client;
    if (!client.dirty) return;
    client.dirty = false;
    sent.push({ state: replica.state(), clientId: replica.clientId });
  }

  /** Something arrives, at the server or from it. */
  #deliver(client: Client): void {
    const queues = [client.sent, client.coming].filter((queue) => queue.length > 0);
    if (queues.length === 0) return;
    const queue = this.#random.pick(queues);
    const message = queue.shift()!;
    if (queue === client.coming) client.replica.receive(message);
    else this.#join(client, message);
  }

  #join(sender: Client, message: TextMessage): void {
    const { changed, same } = this.#server.merge(this.#handle, Buffer.from(message.state), false);
    const { answer } = this;
    if (!same) sender.coming.push(answer);
    if (!changed) return;
    for (const client of this.clients) if (client !== sender) client.coming.push(same ? message : answer);
  }
}

const seeds = seedsToPlay([1, 20_240_601], 100);

void test(`replicas and server end with the same text, ${seeds.length} sessions`, (t) => {
  let characters = 0;
  for (const seed of seeds) {
    const session = new Session(seed);
    session.play();
    const blocks = blocksOf(session.answer.state);
    for (const { replica } of session.clients) {
      if (replica.text() !== session.serverText) t.equal(replica.text(), session.serverText, `SEED=${seed}`);
      if (blocksOf(replica.state()) !== blocks) t.equal(blocksOf(replica.state()), blocks, `SEED=${seed}`);
    }
    characters += session.serverText.length;
  }
  t.ok(characters > seeds.length, `${characters} characters are left in all`);
  t.end();
});

void test('a replica edits as a client does', (t) => {
  const alice = new TextReplica('alice');
  alice.insert(0, 'Hello');
  t.equal(alice.text(), 'Hello');
  // An insert inside a run that was never cut comes out before it.
  alice.insert(2, 'X');
  t.equal(alice.text(), 'XHello');
  alice.delete(1, 2);
  t.equal(alice.text(), 'Xllo');
  alice.insert(1, '👨‍👩‍👧é');
  t.equal(alice.text(), 'X👨‍👩‍👧éllo');
  t.equal(alice.length, 6);
  alice.delete(1, 1);
  t.equal(alice.text(), 'Xéllo');
  const blocks = readTextState(alice.state()).blocks.map(({ id, text, left, right, deleted }) => ({
    ...{ last: id.clock, text, deleted },
    between: [left?.clock, right?.clock],
  }));
  t.same(blocks, [
    { last: 2, text: 'He', deleted: true, between: [undefined, undefined] },
    { last: 5, text: 'llo', deleted: false, between: [undefined, undefined] },
    { last: 6, text: 'X', deleted: false, between: [2, 3] },
    { last: 7, text: '👨‍👩‍👧', deleted: true, between: [6, 3] },
    { last: 8, text: 'é', deleted: false, between: [6, 3] },
  ]);
  t.throws(() => alice.insert(9, 'x'), RangeError);
  t.throws(() => alice.delete(4, 2), RangeError);
  t.end();
});

void test('a replica takes what others send, but not its own and nothing twice', (t) => {
  const alice = new TextReplica('alice');
  const bob = new TextReplica('bob');
  alice.insert(0, 'Hello');
  bob.receive({ state: alice.state(), clientId: 'alice' });
  t.equal(bob.text(), 'Hello');
  bob.insert(5, '!');
  alice.receive({ state: bob.state(), clientId: 'alice' });
  t.equal(alice.text(), 'Hello');
  alice.receive({ state: bob.state(), clientId: 'server' });
  t.equal(alice.text(), 'Hello!');
  t.end();
});

void test('a replica merges as the core of clients does', (t) => {
  const file = new URL('../../../src/core-wasm/test/vectors/fugue-merge.json', import.meta.url);
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: MergeCase[] };
  for (const { name, a, b, mergedText, core } of cases) {
    const texts = [
      [a, b],
      [b, a],
    ].map((states) => {
      const replica = new TextReplica('somebody');
      for (const state of states) replica.merge(JSON.stringify(state));
      return replica.text();
    });
    t.same(texts, [core?.ab ?? mergedText, core?.ba ?? mergedText], name);
  }
  t.end();
});

void test("the merge of clients loses a deletion, depending on who merges; the server's does not", (t) => {
  const alice = new TextReplica('alice');
  alice.insert(0, 'bc');
  const bob = new TextReplica('bob');
  bob.merge(alice.state());
  alice.delete(1, 1);
  bob.delete(0, 2);
  const [a, b] = [alice.state(), bob.state()];
  alice.merge(b);
  bob.merge(a);
  t.same([alice.text(), bob.text()], ['b', '']);
  const server = new ReferenceText();
  const handle = server.open();
  for (const state of [a, b]) server.merge(handle, Buffer.from(state), false);
  t.equal(server.text(handle), '');
  alice.merge(Buffer.from(server.state(handle, false)).toString());
  t.equal(alice.text(), '');
  t.end();
});

function blocksOf(state: string): string {
  return state.slice(0, state.lastIndexOf(',"clock":'));
}
