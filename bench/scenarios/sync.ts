/** What a client waits for when it opens a document. */
import { dataFolder } from '../../test/support/nodes/server.js';
import { documentName } from '../load/commands.js';
import { rounded } from '../measure.js';
import { SHARDS } from '../servers/measured-server.js';
import { median } from '../results.js';
import type { Options } from '../options.js';
import type { Row, Scenario } from '../scenario.js';

const FIELDS = 100_000;
const VALUE_BYTES = 40;
/** Subscriptions of a document in memory whose median counts. */
const REPEATS = 10;
/** The default of SYNC_REPLAY_MAX_FIELDS. */
const REPLAY_MAX_FIELDS = 10_000;

export const sync: Scenario = {
  name: 'sync',
  about: 'subscribing to documents of some sizes: time from the request to the last byte, and bytes',
  rounds: 3,
  conditions: (options) => ({
    fields: sizesOf(options).join(' · '),
    'value bytes': VALUE_BYTES,
    storage: 'lmdb',
    shards: SHARDS,
    first: 'the first subscription after the server started: loads the document',
    later: `median of ${REPEATS} more`,
    supportsBatch: 'the client has shown that it understands delta_batch: it gets the state only',
    plain: `it has written a delta, so it gets the state and, up to ${REPLAY_MAX_FIELDS} fields, each field once more at once (SYNC_REPLAY_MAX_FIELDS)`,
  }),
  async run(bench) {
    const sizes = sizesOf(bench.options);
    const folder = await dataFolder();
    const first = await bench.server({ storage: 'lmdb', folder: folder.path });
    const filler = bench.load();
    await filler.order('open', { port: first.port, count: 1 });
    for (const [i, fields] of sizes.entries()) {
      await filler.order('fill', { client: 0, documentId: documentName(i), fields, valueBytes: VALUE_BYTES });
    }
    await filler.stop();
    await first.stop();

    const server = await bench.server({ storage: 'lmdb', folder: folder.path });
    const load = bench.load();
    await load.order('open', { port: server.port, count: 2 * sizes.length });
    const rows: Row[] = [];
    for (const [i, fields] of sizes.entries()) {
      const documentId = documentName(i);
      const supportsBatch = { client: 2 * i, documentId, supportsBatch: true, replay: 0 };
      const plain = {
        client: 2 * i + 1,
        documentId,
        supportsBatch: false,
        replay: fields <= REPLAY_MAX_FIELDS ? fields : 0,
      };
      const cold = await load.order('sync', supportsBatch);
      for (const [client, request] of Object.entries({ supportsBatch, plain })) {
        const times: number[] = [];
        let bytes = 0;
        for (let repeat = 0; repeat < REPEATS; repeat++) {
          const reply = await load.order('sync', request);
          times.push(reply.milliseconds);
          ({ bytes } = reply);
        }
        rows.push({
          document: `${fields} fields`,
          client,
          ...(client === 'supportsBatch' ? { 'first ms': rounded(cold.milliseconds) } : {}),
          'later ms': median(times),
          bytes,
          'bytes/field': rounded(bytes / fields),
        });
      }
    }
    await load.stop();
    await server.stop();
    await folder.remove();
    return rows;
  },
};

function sizesOf({ fields = FIELDS }: Options): number[] {
  return [10, 1_000, fields];
}
