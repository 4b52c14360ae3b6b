/** What counting costs: two servers, one with METRICS_ENABLED, in turns under the same load. */
import { LoadProcess } from '../../load/load-process.js';
import { measure, per, rate, rounded, sleep, type Measured } from '../../measure.js';
import { BATCH_DELAY_MS, MeasuredServer, SHARDS } from '../../servers/measured-server.js';
import { median } from '../../results.js';
import type { Bench } from '../../bench.js';
import type { Scenario } from '../../scenario.js';

const SECONDS = 2;
/** How often each server has its turn. */
const TURNS = 10;
const DOCUMENTS = 20;
const VALUE_BYTES = 64;
const FIELDS = 1_000;
/** Writes under way per document. */
const UNDER_WAY = 20;

interface Side {
  readonly server: MeasuredServer;
  readonly load: LoadProcess;
}

export const metrics: Scenario = {
  name: 'metrics',
  about: `METRICS_ENABLED on against off: CPU per write in a closed loop, ${TURNS} turns each`,
  rounds: 1,
  conditions: (options) => ({
    documents: DOCUMENTS,
    'writes under way per document': UNDER_WAY,
    storage: 'memory',
    shards: SHARDS,
    'value bytes': VALUE_BYTES,
    'batch delay ms': BATCH_DELAY_MS,
    'seconds per turn': options.seconds ?? SECONDS,
  }),
  async run(bench) {
    const seconds = bench.options.seconds ?? SECONDS;
    const on = await prepare(bench, true);
    const off = await prepare(bench, false);
    // One turn each warms up the compilers.
    const turns: { on: Measured; off: Measured }[] = [];
    for (let turn = -1; turn < TURNS; turn++) {
      const pair = { on: await write(on, seconds), off: await write(off, seconds) };
      if (turn >= 0) turns.push(pair);
    }
    const ratio = (cost: (side: Measured) => number): number =>
      median(turns.map((turn) => cost(turn.on) / turn.on.acks / (cost(turn.off) / turn.off.acks)));
    const each = (side: 'on' | 'off', number: (measured: Measured) => number): number =>
      median(turns.map((turn) => number(turn[side])));
    return [
      {
        load: 'closed loop',
        'on: writes/s': each('on', (side) => rate(side.acks, side)),
        'off: writes/s': each('off', (side) => rate(side.acks, side)),
        'on: acceptor µs/write': each('on', (side) => per(side.acceptor, side.acks)),
        'off: acceptor µs/write': each('off', (side) => per(side.acceptor, side.acks)),
        'on: others µs/write': each('on', (side) => per(side.others, side.acks)),
        'off: others µs/write': each('off', (side) => per(side.others, side.acks)),
        'on/off acceptor': rounded(ratio(({ acceptor }) => acceptor)),
        'on/off process': rounded(ratio(({ acceptor, others }) => acceptor + others)),
      },
    ];
  },
};

async function prepare(bench: Bench, enabled: boolean): Promise<Side> {
  const server = await bench.server({ storage: 'memory', env: { METRICS_ENABLED: String(enabled) } });
  const load = bench.load();
  await load.order('open', { port: server.port, count: DOCUMENTS });
  return { server, load };
}

async function write({ server, load }: Side, seconds: number): Promise<Measured> {
  await load.order('write', {
    first: 0,
    count: DOCUMENTS,
    documents: DOCUMENTS,
    fields: FIELDS,
    valueBytes: VALUE_BYTES,
    pace: { underWay: UNDER_WAY },
  });
  await sleep(0.2);
  const measured = await measure(server, load, seconds);
  await load.stopWriting();
  return measured;
}
