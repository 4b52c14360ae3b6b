import { test } from 'tap';
import type { Coalescer } from '../../../src/acceptor/coalescer.js';
import { Interests } from '../../../src/acceptor/fan-out/interests.js';
import { Topics } from '../../../src/acceptor/fan-out/topics.js';
import { coalescerFixture } from '../../support/parts/recording-shards.js';
import { recordingSession } from '../../support/parts/recording-session.js';
import { until } from '../../support/nodes/server.js';

const DOCUMENTS = 3_000;
/** Documents of one of the two shards that are sent in one turn of the event loop. */
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
  /**
   * Documents and variants as sent to the shards, in order; `+` marks subscribers that were there before the worker.
   */
  const sent = (): string[] => {
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
  return { topics, coalescer, shards, interests, session, sent, forget, added };
}

/** As `fixture`, with documents of two shards by turns, all of which the workers know. */
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

test('a new worker is sent all documents of its shard that have subscribers, a portion each turn', async (t) => {
  const { interests, coalescer, topics, sent, own, added } = await subscribed();
  const atOnce = [];
  for (interests.sendAll(1); added.count > 0; await turn()) {
    atOnce.push(added.count);
    added.count = 0;
  }
  t.strictSame(atOnce, new Array(DOCUMENTS / 2 / PORTION).fill(PORTION));
  for (let i = 0; i < 10; i++) await turn();
  t.strictSame(
    sent(),
    own.map((documentId) => `+${documentId} ${topics.variantsOf(documentId)}`),
    'each once',
  );
  coalescer.stop();
});

test('a change while documents are being sent is sent with its latest state', async (t) => {
  const { interests, topics, session, coalescer, sent, own } = await subscribed();
  const first = own[0]!;
  const [switched, left, back] = own.slice(-3) as [string, string, string];
  interests.sendAll(1);
  await turn();
  // A document that is still to be sent, one that was sent, and a new one.
  for (const documentId of [first, left, back]) topics.unsubscribe(session, documentId);
  const other = recordingSession().session;
  other.encoding = 'json';
  topics.subscribe(other, switched);
  await turn();
  topics.subscribe(session, back);
  topics.subscribe(session, '1-new');
  for (let i = 0; i < 30; i++) await turn();

  const known = new Map(sent().map((line) => line.replace('+', '').split(' ') as [string, string]));
  // A worker that was sent nothing about a document assumes no subscribers.
  const wrong = [...own, '1-new'].filter((id) => Number(known.get(id) ?? 0) !== topics.variantsOf(id));
  t.strictSame(wrong, []);
  t.equal(known.get(first), '0');
  t.not(known.get(switched), known.get('1-new'), 'both variants of the one, one of the other');
  coalescer.stop();
});

test('when a worker dies meanwhile, sending stops, and the next worker is sent everything', async (t) => {
  const { interests, coalescer, sent, forget, own } = await subscribed();
  interests.sendAll(1);
  await turn();
  forget();
  interests.sendAll(1);
  for (let i = 0; i < 30; i++) await turn();
  const all = sent().map((line) => line.split(' ')[0]);
  t.strictSame(
    all.slice(-own.length),
    own.map((documentId) => `+${documentId}`),
  );
  t.ok(all.length <= own.length + PORTION, `${all.length} were sent, what was on its way with them`);
  forget();
  interests.sendAll(1);
  interests.stop();
  for (let i = 0; i < 30; i++) await turn();
  t.equal(sent().length, PORTION, 'what was sent before the stop');
  coalescer.stop();
});
