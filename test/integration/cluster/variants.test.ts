/** Updates of other nodes reach a client also while it changes its variant. */
import { test } from 'tap';
import { RawClient, type Incoming } from '../../support/clients/client.js';
import { client, server } from '../../support/nodes/fixture.js';
import { database } from '../../support/postgres/postgres.js';
import { redisUrl } from '../../support/redis/redis.js';
import { until } from '../../support/nodes/server.js';

const READERS = 6;
const DOCUMENTS = 25;
const WRITES = 16;

/** The documents and fields that a client has received. */
function told(messages: readonly Incoming[]): Set<string> {
  const names = messages.flatMap((message) => {
    switch (message.type) {
      case 'sync_response':
        return Object.keys(message['state'] as object).map((field) => placeOf({ ...message, field }));
      case 'delta':
        return [placeOf(message)];
      case 'delta_batch':
        return (message['deltas'] as Incoming[]).map(placeOf);
      default:
        return [];
    }
  });
  return new Set(names);
}

function placeOf({ documentId, field }: Incoming): string {
  return `${String(documentId)} ${String(field)}`;
}

/**
 * A regression test: the client left its former variant as soon as no task was in progress. But the shard also
 * publishes updates of other nodes, without a task, and did not know the new variant yet.
 */
test('FAN1: a client that turns out to support delta_batch misses no update of another node', async (t) => {
  const prefix = `variants-${process.pid}:`;
  const env = { DATABASE_URL: (await database(t)).url, REDIS_URL: await redisUrl(), REDIS_CHANNEL_PREFIX: prefix };
  const more = { SHARDS: '1', SYNC_BATCH_DELAY: '0' };
  const here = await server(t, { ...env, ...more, SYNCKIT_NODE_ID: 'here' });
  const there = await server(t, { ...env, ...more, SYNCKIT_NODE_ID: 'there' });
  const writer = await client(t, there);
  for (let n = 0; n < READERS; n++) {
    const documents = Array.from({ length: DOCUMENTS }, (_, i) => `doc-${n}-${i}`);
    const reader = await RawClient.connect(here.url, { encoding: 'json' });
    await Promise.all(documents.map((documentId) => reader.subscribe(documentId)));
    const ids = Array.from({ length: WRITES }, (_, i) => documents.map((id) => writer.set(id, `f${i}`, i))).flat();
    await writer.acked(ids[n * DOCUMENTS]!);
    reader.send('delta_batch', { documentId: 'own', deltas: [] });
    const wanted = documents.flatMap((documentId) =>
      Array.from({ length: WRITES }, (_, i) => placeOf({ type: 'delta', timestamp: 0, documentId, field: `f${i}` })),
    );
    const missing = (): string[] => {
      const known = told(reader.messages);
      return wanted.filter((place) => !known.has(place));
    };
    // Fails with what is missing after that.
    await until('all writes', () => missing().length === 0).catch(() => undefined);
    t.strictSame(missing(), [], `reader ${n} was told of everything`);
    reader.socket.terminate();
  }
});
