/** What waits for a shard that is busy: follows are bounded, and the end of one is never forgotten. */
import { test, type Test } from 'tap';
import { DocumentAwareness } from '../../../src/acceptor/awareness/document-awareness.js';
import { AwarenessOutbox } from '../../../src/acceptor/awareness/outbox.js';
import { awarenessKinds, readAwarenessTask } from '../../../src/messages/awareness-task.js';
import { until } from '../../support/nodes/server.js';

/** As many as may wait. */
const MANY = 100_000;

/** An outbox with one shard that keeps what it is told. */
function world(t: Test) {
  const documents = new Map<string, DocumentAwareness>();
  /** What the shard follows. */
  const followed = new Set<string>();
  let ready = true;
  let batches = 0;
  const outbox = new AwarenessOutbox({
    run: 'run',
    documents,
    renewMs: 3_600_000,
    flushMs: 1,
    shards: {
      count: 1,
      indexOf: () => 0,
      running: () => true,
      ready: () => ready,
      send: (_index, bytes) => {
        batches++;
        for (const { kind, documentId } of readAwarenessTask(bytes)) {
          if (kind === awarenessKinds.follow) followed.add(documentId);
          if (kind === awarenessKinds.unfollow) followed.delete(documentId);
        }
      },
    },
  });
  t.teardown(() => outbox.stop());
  return {
    documents,
    followed,
    enter: (documentId: string): DocumentAwareness => {
      const document = new DocumentAwareness(documentId);
      documents.set(documentId, document);
      outbox.follow(document);
      return document;
    },
    leave: (document: DocumentAwareness): void => {
      documents.delete(document.documentId);
      outbox.unfollow(document);
    },
    isReady: (value: boolean): void => {
      ready = value;
    },
    idle: async (): Promise<void> => {
      const before = batches;
      await until('a batch', () => batches > before || outbox.isIdle);
      await until('all of it', () => outbox.isIdle);
    },
  };
}

test('beyond 100 000 documents that wait, the end of a follow is told, and all others are followed', async (t) => {
  const { documents, followed, enter, leave, isReady, idle } = world(t);
  const early = Array.from({ length: 10 }, (_, i) => enter(`early-${i}`));
  await idle();
  t.equal(followed.size, 10);
  isReady(false);
  const late = Array.from({ length: MANY + 500 }, (_, i) => enter(`late-${i}`));
  for (const document of early) leave(document);
  // Of those that the shard was never told of, and of those that it will be.
  for (const document of late.slice(MANY - 5, MANY + 5)) leave(document);
  isReady(true);
  await idle();
  t.equal(followed.size, documents.size);
  t.ok([...documents.keys()].every((id) => followed.has(id)));
  t.notOk(early.some(({ documentId }) => followed.has(documentId)));
});

test('a document that is left, used again and left while the shard is busy is not followed', async (t) => {
  const { followed, enter, leave, isReady, idle } = world(t);
  const first = enter('d');
  await idle();
  isReady(false);
  leave(first);
  const second = enter('d');
  leave(second);
  isReady(true);
  await idle();
  t.equal(followed.size, 0);
  const third = enter('d');
  leave(third);
  await idle();
  t.equal(followed.size, 0);
  enter('d');
  await idle();
  t.equal(followed.size, 1);
});

test('what comes and goes while the shard is busy leaves nothing behind', async (t) => {
  const { followed, enter, leave, isReady, idle } = world(t);
  isReady(false);
  for (let i = 0; i < 2_000; i++) leave(enter(`d${i}`));
  isReady(true);
  await idle();
  t.equal(followed.size, 0);
});
