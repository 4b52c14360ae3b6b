import { pino } from 'pino';
import { test } from 'tap';
import { ShardMetrics } from '../../../src/metrics/shard-metrics.js';
import { DocumentCommits } from '../../../src/shard/resume/document-commits.js';
import { Committer } from '../../../src/shard/commit/committer.js';
import { DirtyFields } from '../../../src/shard/commit/dirty-fields.js';
import { DocumentSends } from '../../../src/shard/echo/document-sends.js';
import type { LoadedDocument } from '../../../src/shard/documents/documents.js';
import { OpenGroup } from '../../../src/shard/open-task.js';
import type { FieldRow } from '../../../src/storage/port.js';
import { ControlledStorage } from '../../support/parts/controlled-storage.js';
import { until } from '../../support/nodes/server.js';
import { origin } from '../../support/parts/shard-driver.js';

interface Fixture {
  readonly storage: ControlledStorage;
  readonly committer: Committer;
  /** Acks in the order of their release: `<message id>`, or `<message id> refused: <reason>`. */
  readonly acked: string[];
  readonly turns: { count: number };
  /** Merges a write and owes its ack. */
  readonly write: (document: LoadedDocument, field: string, value: number, messageId: string) => FieldRow;
  readonly owe: (document: LoadedDocument, messageId: string, ...rows: FieldRow[]) => void;
}

let stamps = 0;

function documentOf(id: string): LoadedDocument {
  const [sends, commits] = [new DocumentSends(0, 0), new DocumentCommits(0, true)];
  const nothing = { text: undefined, horizon: undefined, erasedAt: undefined, isEnded: false, keepsHistory: false };
  return { kind: 'loaded', id, handle: 1, stamp: 0, sends, commits, changedAt: 0, bytes: 0, ...nothing };
}

function rowOf(path: string, value: number): FieldRow {
  const stamp = ++stamps;
  return { path, value: String(value), deleted: false, timestamp: stamp, counter: 1, clientId: 'c', stamp };
}

/** @param gatherMs As in CommitterOptions. */
function fixture(gatherMs = 0): Fixture {
  const storage = new ControlledStorage();
  const acked: string[] = [];
  const turns = { count: 0 };
  const committer = new Committer({
    stallMs: 3_600_000,
    gatherMs,
    storage,
    log: pino({ level: 'silent' }),
    metrics: new ShardMetrics(undefined),
    dirty: new DirtyFields(),
    onReplaced: () => undefined,
    onExpired: () => undefined,
    takeBack: () => [],
    onDurable: () => undefined,
    nextTextUpdate: () => ({ append: [], replaces: [] }),
    onTextRefused: () => undefined,
    compactText: () => undefined,
    onCommitted: () => undefined,
    acknowledge: ({ messageId, openGroup, failure }) => {
      acked.push(`${messageId}${failure === undefined ? '' : ` refused: ${failure.message}`}`);
      openGroup.settleRecord();
    },
    afterCommit: () => turns.count++,
  });
  const owe: Fixture['owe'] = ({ id }, messageId, ...rows) => {
    const openGroup = new OpenGroup(
      1,
      () => undefined,
      () => undefined,
    );
    const written = { documentId: id, writes: rows, text: false };
    committer.addAck({ origin: origin(1), messageId, ...written, receivedAt: 0, openGroup, echo: undefined });
  };
  return {
    storage,
    committer,
    acked,
    turns,
    owe,
    write: (document, field, value, messageId) => {
      const row = rowOf(field, value);
      document.stamp = row.stamp;
      committer.write(document, row);
      owe(document, messageId, row);
      return row;
    },
  };
}

/** Everything that the last commit was given: `<document> <field>=<value>`. */
function lastCommit({ commits }: ControlledStorage): string[] {
  return commits
    .at(-1)!
    .flatMap(({ documentId, fields }) => fields.map(({ path, value }) => `${documentId} ${path}=${value}`));
}

/** After what runs now has had its turn. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

test('ACK1 an ack is released when its write is stored, not before', async (t) => {
  const { storage, committer, acked, write, turns } = fixture();
  const a = documentOf('a');
  storage.hold();
  write(a, 'f', 1, 'm1');
  committer.kick();
  await turn();
  t.strictSame([acked, turns.count], [[], 0]);
  t.equal(committer.isDirty(a), true);
  t.not(committer.pendingBytes, 0);
  storage.release();
  await committer.idle();
  t.strictSame([acked, turns.count], [['m1'], 1]);
  t.strictSame(await storage.stored('a'), ['f=1']);
  t.equal(committer.isDirty(a), false);
  t.equal(committer.pendingBytes, 0);
});

test('while one commit runs the next collects, only the last row of a field', async (t) => {
  const { storage, committer, acked, write } = fixture();
  const [a, b] = [documentOf('a'), documentOf('b')];
  storage.hold();
  write(a, 'f', 1, 'm1');
  committer.kick();
  for (const [i, document] of [a, b, a, b, a].entries()) {
    write(document, i === 2 ? 'g' : 'f', i + 2, `m${i + 2}`);
    committer.kick();
  }
  await turn();
  t.equal(storage.commits.length, 1);
  t.equal(committer.isDirty(b), true);
  storage.release();
  await committer.idle();
  t.equal(storage.commits.length, 2);
  t.strictSame(lastCommit(storage).sort(), ['a f=6', 'a g=4', 'b f=5']);
  t.strictSame(acked, ['m1', 'm2', 'm3', 'm4', 'm5', 'm6'], 'in the order in which they were merged');
  t.strictSame(
    storage.commits[1]!.map(({ documentId, stamp }) => [documentId, stamp]),
    [
      ['a', a.stamp],
      ['b', b.stamp],
    ],
  );
});

test('ACK1 a write that changed nothing is acknowledged at once when nothing is being stored', async (t) => {
  const { storage, committer, acked, owe } = fixture();
  owe(documentOf('a'), 'm1', rowOf('f', 1));
  committer.kick();
  t.strictSame(acked, ['m1']);
  owe(documentOf('a'), 'm2', rowOf('f', 1));
  committer.kick();
  t.strictSame(acked, ['m1', 'm2'], 'each once');
  t.equal(storage.commits.length, 0);
  await committer.idle();
});

test('ACK1 a write that lost is acknowledged when the one that won is stored', async (t) => {
  const { storage, committer, acked, write, owe } = fixture();
  const a = documentOf('a');
  storage.hold();
  write(a, 'f', 1, 'winner');
  committer.kick();
  owe(a, 'loser', rowOf('f', 0));
  committer.kick();
  await turn();
  t.strictSame(acked, []);
  storage.release();
  await committer.idle();
  t.strictSame(acked, ['winner', 'loser']);
});

test('ACK5 while the storage fails acks wait; then newer rows are stored over older ones', async (t) => {
  const { storage, committer, acked, turns, write } = fixture();
  const a = documentOf('a');
  storage.failCommits = true;
  write(a, 'f', 1, 'm1');
  write(a, 'g', 1, 'm2');
  committer.kick();
  await until('the first failure', () => !committer.healthy);
  t.equal(turns.count, 1);
  const before = committer.pendingBytes;
  write(a, 'f', 2, 'm3');
  committer.kick();
  t.ok(committer.pendingBytes > before, 'it waits behind the commit that failed');
  await until('another try', () => storage.commits.length >= 2);
  write(a, 'h', 3, 'm4');
  committer.kick();
  t.strictSame(acked, []);
  storage.failCommits = false;
  await committer.idle();
  t.strictSame(acked, ['m1', 'm2', 'm3', 'm4']);
  t.strictSame(await storage.stored('a'), ['f=2', 'g=1', 'h=3']);
  t.equal(committer.healthy, true);
  t.equal(committer.pendingBytes, 0);
});

test('ACK5 what came while the commit that failed was running is not lost', async (t) => {
  const { storage, committer, acked, write } = fixture();
  const [a, b] = [documentOf('a'), documentOf('b')];
  storage.failCommits = true;
  storage.hold();
  write(a, 'f', 1, 'm1');
  committer.kick();
  write(a, 'f', 2, 'm2');
  write(b, 'f', 3, 'm3');
  committer.kick();
  storage.release();
  await until('the failure', () => !committer.healthy);
  storage.failCommits = false;
  await committer.idle();
  t.strictSame(lastCommit(storage).sort(), ['a f=2', 'b f=3']);
  t.strictSame(acked, ['m1', 'm2', 'm3']);
});

test('ACK1 a message of very many rows is stored in several commits and acknowledged after the last', async (t) => {
  const { storage, committer, acked, owe } = fixture();
  const a = documentOf('a');
  const fields = Array.from({ length: 2_500 }, (_, i) => `f${i}`);
  const rows = fields.map((field) => rowOf(field, 1));
  for (const row of rows) committer.write(a, row);
  owe(a, 'm1', ...rows);
  storage.hold();
  committer.kick();
  await turn();
  storage.failCommits = true;
  storage.release();
  await until('a failure between', () => !committer.healthy);
  t.strictSame(acked, []);
  storage.failCommits = false;
  await committer.idle();
  t.ok(storage.commits.length > 2, `${storage.commits.length} commits`);
  t.strictSame(acked, ['m1']);
  t.equal((await storage.stored('a')).length, 2_500);
  t.strictSame([committer.isDirty(a), committer.pendingBytes], [false, 0]);
});

test('ACK1 batches are stored in order, also after a failure', async (t) => {
  const { storage, committer, acked, write } = fixture();
  const a = documentOf('a');
  storage.failCommits = true;
  storage.hold();
  for (let batch = 1; batch <= 3; batch++) {
    for (let i = 1; i < 1_000; i++) committer.write(a, rowOf(`f${i}`, batch));
    write(a, 'g', batch, `m${batch}`);
    committer.kick();
  }
  storage.release();
  await until('the failure', () => !committer.healthy);
  storage.failCommits = false;
  await committer.idle();
  t.strictSame(acked, ['m1', 'm2', 'm3']);
});

test('contract 6: a refused row is reported to who wrote it and blocks nobody', async (t) => {
  const { storage, committer, acked, write, owe } = fixture();
  const [a, b] = [documentOf('a'), documentOf('b')];
  storage.refuse = (documentId, { path }) => (documentId === 'a' && path === 'bad' ? 'why' : undefined);
  const good = write(a, 'good', 1, 'm1');
  const bad = write(a, 'bad', 2, 'm2');
  write(b, 'bad', 3, 'm3');
  owe(a, 'm4', good, bad);
  committer.kick();
  await committer.idle();
  t.strictSame(acked, ['m1', 'm2 refused: Invalid delta message: why', 'm3', 'm4 refused: Invalid delta message: why']);
  t.strictSame(await storage.stored('a'), ['good=1']);
  t.equal(committer.healthy, true);
});

test('contract 6: a message of several commits is refused for a row in any of them', async (t) => {
  const { storage, committer, acked, owe } = fixture();
  const a = documentOf('a');
  storage.refuse = (_, { path }) => (path === 'f0' ? 'why' : undefined);
  const rows = Array.from({ length: 1_500 }, (_, i) => rowOf(`f${i}`, 1));
  for (const row of rows) committer.write(a, row);
  owe(a, 'm1', ...rows);
  committer.kick();
  await committer.idle();
  t.strictSame(acked, ['m1 refused: Invalid delta message: why']);
  t.equal((await storage.stored('a')).length, 1_499);
});

test('idle resolves at once when nothing waits, and for everyone who waits', async (t) => {
  const { storage, committer, acked, write } = fixture();
  await committer.idle();
  storage.hold();
  write(documentOf('a'), 'f', 1, 'm1');
  committer.kick();
  write(documentOf('b'), 'f', 1, 'm2');
  const both = Promise.all([committer.idle(), committer.idle()]);
  storage.release();
  await both;
  t.strictSame(acked, ['m1', 'm2']);
});
