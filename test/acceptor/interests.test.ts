import { test } from 'tap';
import type { Coalescer } from '../../src/acceptor/coalescer.js';
import { Interests } from '../../src/acceptor/interests.js';
import { Topics } from '../../src/acceptor/topics.js';
import { coalescerFixture } from '../support/recording-shards.js';
import { recordingSession } from '../support/recording-session.js';
import { until } from '../support/server.js';

const DOCUMENTS = 3_000;
/** Of one of the two shards that are told in one turn. */
const PORTION = 250;

function fixture() {
  const topics: Topics = new Topics(1_000_000, (documentId) => interests.changed(documentId));
  const { coalescer, shards } = coalescerFixture({ variantsOf: (documentId) => topics.variantsOf(documentId) });
  const added = { count: 0 };
  const add: Coalescer['add'] = (...record) => {
    added.count++;
    return coalescer.add(...record);
  };
  const indexOf = (documentId: string): number => shards.indexOf(documentId);
  const interests = new Interests({ topics, coalescer: { add }, indexOf });
  const { session } = recordingSession();
  /** Documents and variants as the shards were told them, in order; `+` marks those that were there before. */
  const told = (): string[] => {
    const groups = shards.tasks.flat();
    return groups.map((group, i) => {
      const [documentId, payloads] = group.split(':') as [string, string];
      return `${payloads.includes('old') ? '+' : ''}${documentId} ${shards.variants[i]}`;
    });
  };
  const forget = (): void => {
    shards.tasks.length = 0;
    shards.variants.length = 0;
    added.count = 0;
  };
  return { topics, coalescer, shards, interests, session, told, forget, added };
}

/** As `fixture`, with documents of two shards in turn, all of which the workers know. */
async function subscribed() {
  const all = fixture();
  const documents = Array.from({ length: DOCUMENTS }, (_, i) => `${i % 2}-${i}`);
  for (const documentId of documents) all.topics.subscribe(all.session, documentId);
  await until('the shards know', () => all.coalescer.queuedBytes === 0);
  all.forget();
  return { ...all, own: documents.filter((documentId) => documentId.startsWith('1')) };
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

test('a new worker is told of all documents of its shard that have subscribers, a portion each turn', async (t) => {
  const { interests, coalescer, topics, told, own, added } = await subscribed();
  const atOnce = [];
  for (interests.tellAll(1); added.count > 0; await turn()) {
    atOnce.push(added.count);
    added.count = 0;
  }
  t.strictSame(atOnce, new Array(DOCUMENTS / 2 / PORTION).fill(PORTION));
  for (let i = 0; i < 10; i++) await turn();
  t.strictSame(
    told(),
    own.map((documentId) => `+${documentId} ${topics.variantsOf(documentId)}`),
    'each once',
  );
  coalescer.stop();
});

test('what changes while a worker is told is told as it is then', async (t) => {
  const { interests, topics, session, coalescer, told, own } = await subscribed();
  const first = own[0]!;
  const [switched, left, back] = own.slice(-3) as [string, string, string];
  interests.tellAll(1);
  await turn();
  // Of the rest of the documents, of one that was told, and of one that nobody had.
  for (const documentId of [first, left, back]) topics.unsubscribe(session, documentId);
  const other = recordingSession().session;
  other.encoding = 'json';
  topics.subscribe(other, switched);
  await turn();
  topics.subscribe(session, back);
  topics.subscribe(session, '1-new');
  for (let i = 0; i < 30; i++) await turn();

  const known = new Map(told().map((line) => line.replace('+', '').split(' ') as [string, string]));
  // A worker that has heard nothing of a document knows of no subscribers.
  const wrong = [...own, '1-new'].filter((id) => Number(known.get(id) ?? 0) !== topics.variantsOf(id));
  t.strictSame(wrong, []);
  t.equal(known.get(first), '0');
  t.not(known.get(switched), known.get('1-new'), 'both variants of the one, one of the other');
  coalescer.stop();
});

test('a worker that dies while it is told is not told on, the next one is told all', async (t) => {
  const { interests, coalescer, told, forget, own } = await subscribed();
  interests.tellAll(1);
  await turn();
  forget();
  interests.tellAll(1);
  for (let i = 0; i < 30; i++) await turn();
  const all = told().map((line) => line.split(' ')[0]);
  t.strictSame(
    all.slice(-own.length),
    own.map((documentId) => `+${documentId}`),
  );
  t.ok(all.length <= own.length + PORTION, `${all.length} were told, what was on its way with them`);
  forget();
  interests.tellAll(1);
  interests.stop();
  for (let i = 0; i < 30; i++) await turn();
  t.equal(told().length, PORTION, 'what was told before the stop');
  coalescer.stop();
});
