/** Rollbacks of texts that others write meanwhile, and what a rollback reads at most. */
import { TextCore, type FieldsStore } from '@synckit/core-wasm';
import { test, type Test } from 'tap';
import type { HistoryAnswer, RollbackPlan } from '../../../src/messages/history.js';
import type { LoadedDocument } from '../../../src/shard/documents/documents.js';
import { HistoryReads } from '../../../src/shard/history/history-reads.js';
import { parseRollback } from '../../../src/shard/http/parse-rollback.js';
import { MemoryStorage } from '../../../src/storage/memory.js';
import type { History } from '../../../src/storage/history/port.js';
import { typed } from '../../contract/history-rows.js';
import { TextReplica } from '../../support/clients/text-replica.js';
import { nextMillisecond } from '../../support/next-millisecond.js';

const origin = { timestamp: 1, clockMax: 0 };
const core = { get: () => undefined } as unknown as FieldsStore;

/** A text by Ann that Bob has written on, as it is stored and as a shard holds it. */
async function written(t: Test) {
  const texts = new TextCore();
  const storage = new MemoryStorage();
  t.teardown(() => storage.close());
  const handle = texts.open();
  const replica = new TextReplica('client');
  let number = 0;
  const write = async (user: string, text: string): Promise<void> => {
    const before = texts.version(handle);
    replica.insert(replica.length, text);
    texts.merge(handle, Buffer.from(replica.state()), false);
    const update = { id: (++number).toString(16).padStart(32, '0'), bytes: texts.changesSince(handle, before) };
    await storage.commit([typed('doc', [update], { authors: [{ userId: user }] })]);
    await nextMillisecond();
  };
  await write('ann', 'Hello');
  await write('bob', ', nonsense');
  const reads = new HistoryReads({ storage, texts });
  const answer = (await reads.do({
    ...{ kind: 'rollback', documentId: 'doc', maxBytes: 1e6 },
    rollback: { user: 'bob' },
  })) as HistoryAnswer<RollbackPlan>;
  if (!answer.ok) throw new Error(answer.code);
  const document = { handle: 0, text: { handle } } as LoadedDocument;
  const parse = () => parseRollback({ core, texts }, document, Buffer.from(JSON.stringify(answer.result)), origin);
  const type = (text: string): void => {
    replica.insert(replica.length, text);
    texts.merge(handle, Buffer.from(replica.state()), false);
  };
  return { parse, type };
}

test('a user’s text is taken back', async (t) => {
  const { parse } = await written(t);
  const { content, receipt } = parse();
  t.equal(content, 'Hello');
  t.match(JSON.parse(receipt!), { isText: true, keepsText: false });
});

test('a text that somebody writes while a user’s is taken back stays', async (t) => {
  const { parse, type } = await written(t);
  type(', world');
  const { content, receipt } = parse();
  t.equal(content, undefined);
  t.match(JSON.parse(receipt!), { isText: false, keepsText: true });
});

test('a rollback reads a bounded number of bytes', async (t) => {
  const value = JSON.stringify('x'.repeat(4 * 1024 ** 2));
  let calls = 0;
  const history = {
    entries: () => {
      const place = { commit: 1_000_000 - ++calls, index: 0, at: 5 };
      const entry = { kind: 'field', path: 'a', before: value, after: null, author: { userId: 'bob' }, ...place };
      return Promise.resolve({ state: 'present', keptSince: 0, entries: [entry], hasMore: calls < 1_000 });
    },
  } as unknown as History;
  const reads = new HistoryReads({ storage: { history }, texts: new TextCore() });
  const asked = { kind: 'rollback', documentId: 'doc', maxBytes: 1e9, rollback: { user: 'bob' } } as const;
  t.match(await reads.do(asked), { ok: false, code: 'HISTORY_TOO_LARGE' });
  t.ok(calls < 100, `${calls} calls`);
});
