/** Our server beside a bare one and those of others, under the load of `connections`, one after the other. */
import { VALUE_BYTES } from '../load/load-shape.js';
import { BATCH_DELAY_MS, SHARDS } from '../servers/measured-server.js';
import { centrifugo } from '../peers/centrifugo.js';
import { hocuspocus } from '../peers/hocuspocus.js';
import { bare, ours } from '../peers/ours.js';
import { loadSize, measurePeer, WARM_UP_SECONDS, type LoadSize } from '../peers/measure-peer.js';
import type { Peer } from '../peers/peer.js';
import { reference } from '../peers/reference.js';
import { markdownTable } from '../results.js';
import type { Row, Scenario } from '../scenario.js';

const SECONDS = 30;
const all: readonly Peer[] = [bare, ...ours, centrifugo, hocuspocus, reference];

export const peers: Scenario = {
  name: 'peers',
  about: 'the load of `connections` on our server, a bare one, Centrifugo, Hocuspocus and the reference in turns',
  rounds: 1,
  onlyNamed: true,
  conditions: (options) => ({
    ...namedSize(loadSize(options, options.seconds ?? SECONDS)),
    clients: 'without tokens, each follows a document and writes to it',
    'value bytes': VALUE_BYTES,
    shards: SHARDS,
    'batch delay ms': BATCH_DELAY_MS,
    'warm-up seconds': WARM_UP_SECONDS,
  }),
  async run(bench) {
    const { options } = bench;
    const size = loadSize(options, options.seconds ?? SECONDS);
    const rows: Row[] = [];
    for (const peer of all) {
      const row = await measurePeer(bench, peer, size);
      if (row !== undefined) rows.push(row);
    }
    console.log(`${markdownTable(rows)}\n`);
    return rows;
  },
};

function namedSize({ connections, documents, perSecond, seconds }: LoadSize) {
  return { connections, documents, 'writes/s': perSecond, seconds };
}
