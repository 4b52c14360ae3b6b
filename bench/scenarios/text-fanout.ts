/** One text with many readers, sent as it is or compressed. */
import type { Bench } from '../bench.js';
import { cpuColumns, measure, per, rate, rounded, sleep } from '../measure.js';
import { BATCH_DELAY_MS } from '../servers/measured-server.js';
import type { Options } from '../options.js';
import type { Conditions, Row } from '../scenario.js';

const SECONDS = 5;
const SUBSCRIBERS = 100;
const STATES_PER_SECOND = 10;
const STATE_BYTES = 100_000;
const ON = { WS_COMPRESSION: 'on' };

interface Way {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  /** Whether the subscribers offer permessage-deflate. */
  readonly deflate: boolean;
}

const ways: readonly Way[] = [
  { name: 'WS_COMPRESSION off', env: { WS_COMPRESSION: 'off' }, deflate: true },
  { name: 'on, but nobody negotiates it', env: ON, deflate: false },
  { name: 'on, up to WS_COMPRESSION_MAX_BYTES', env: ON, deflate: true },
  { name: 'on, without bound', env: { ...ON, WS_COMPRESSION_MAX_BYTES: '1GiB' }, deflate: true },
];

export function fanoutConditions(options: Options): Conditions {
  return {
    'fan-out': `${subscribersOf(options)} subscribers, ${STATES_PER_SECOND} states/s of ${STATE_BYTES} bytes; memory`,
    'batch delay ms': BATCH_DELAY_MS,
    'seconds per number': options.seconds ?? SECONDS,
  };
}

export async function fanOutTexts(bench: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  for (const way of ways) rows.push(await fanOut(bench, way));
  return rows;
}

async function fanOut(bench: Bench, { name, env, deflate }: Way): Promise<Row> {
  const subscribers = subscribersOf(bench.options);
  const server = await bench.server({ storage: 'memory', env });
  const load = bench.load();
  await load.order('open', { port: server.port, count: subscribers + 1, deflate });
  await load.order('subscribe', { first: 0, count: subscribers + 1, documents: 1 });
  await load.order('text', { client: subscribers, document: 0, stateBytes: STATE_BYTES });
  await load.order('type', { perSecond: STATES_PER_SECOND });
  await sleep(2);
  const measured = await server.profiled(`text-fanout-${env['WS_COMPRESSION'] ?? ''}`, () =>
    measure(server, load, bench.options.seconds ?? SECONDS),
  );
  await load.stopWriting();
  await load.stop();
  await server.stop();
  const { updates, updateBytes, wireBytes, fanout, acceptor } = measured;
  return {
    text: `fan-out, ${name}`,
    'deliveries/s': rate(updates, measured),
    'frame KB': rounded(per(updateBytes, updates) / 1_000),
    'wire KB/delivery': rounded(per(wireBytes, updates) / 1_000),
    'wire MB/s': rounded(rate(wireBytes, measured) / 1e6),
    'p50 ms': rounded(fanout.p50),
    'p99 ms': rounded(fanout.p99),
    'acceptor µs/delivery': per(acceptor, updates),
    ...cpuColumns(measured),
  };
}

function subscribersOf({ subscribers }: Options): number {
  return subscribers ?? SUBSCRIBERS;
}
