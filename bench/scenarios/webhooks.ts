/** What the feed of changes and the webhook cost: the same writes without them, with them, and with a slow receiver. */
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { cpuColumns, measure, rate, rounded, warmUp, type Measured } from '../measure.js';
import { BATCH_DELAY_MS, SHARDS } from '../servers/measured-server.js';
import type { Bench } from '../bench.js';
import type { Row, Scenario } from '../scenario.js';

const SECONDS = 6;
const WRITERS = 100;
const PER_SECOND = 400;
const VALUE_BYTES = 64;
const FIELDS = 50;
const SLOW_MS = 2_000;

const kinds = ['off', 'feed', 'webhook', 'webhook, slow receiver'] as const;
type Kind = (typeof kinds)[number];

export const webhooks: Scenario = {
  name: 'webhooks',
  about: `${WRITERS} writers with a document each, without and with the feed of changes and the webhook`,
  rounds: 3,
  conditions: (options) => ({
    clients: 'plain binary',
    shards: SHARDS,
    'writes/s': PER_SECOND,
    'value bytes': VALUE_BYTES,
    'batch delay ms': BATCH_DELAY_MS,
    'slow receiver': `answers after ${SLOW_MS} ms`,
    'seconds per number': options.seconds ?? SECONDS,
  }),
  async run(bench) {
    const postgres = await bench.postgres();
    const rows: Row[] = [];
    for (const storage of ['lmdb', 'postgres'] as const) {
      let off: Numbers | undefined;
      for (const kind of kinds) {
        const database = storage === 'postgres' ? await postgres.database() : undefined;
        const measured = await write(bench, kind, { storage, database });
        const numbers = numbersOf(measured);
        off ??= numbers;
        rows.push({
          storage,
          changes: kind,
          'writes/s acked': rate(measured.acks, measured),
          'ack p50 ms': rounded(measured.ack.p50),
          'ack p99 ms': rounded(measured.ack.p99),
          ...cpuColumns(measured),
          'ack p50 / off': rounded(numbers.ack / off.ack),
          'CPU per write / off': rounded(numbers.cpu / off.cpu),
        });
      }
    }
    await postgres.stop();
    return rows;
  },
};

interface Numbers {
  readonly ack: number;
  /** Of the server, for one acknowledged write. */
  readonly cpu: number;
}

function numbersOf({ ack, acks, acceptor, others }: Measured): Numbers {
  return { ack: ack.p50, cpu: (acceptor + others) / acks };
}

async function write(
  bench: Bench,
  kind: Kind,
  where: { readonly storage: 'lmdb' | 'postgres'; readonly database: string | undefined },
): Promise<Measured> {
  const receiver = kind.startsWith('webhook') ? await receive(kind === 'webhook' ? 0 : SLOW_MS) : undefined;
  const env: Record<string, string> =
    receiver === undefined
      ? { CHANGES_FEED: String(kind === 'feed') }
      : {
          WEBHOOK_URL: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`,
          WEBHOOK_SECRET: 'a secret of the receiver, 32 characters or more',
        };
  const part = bench.part();
  const server = await part.server({ ...where, env });
  const load = part.load();
  const range = { first: 0, count: WRITERS, documents: WRITERS };
  await load.order('open', { port: server.port, count: WRITERS });
  await warmUp(load, range);
  await load.order('write', { ...range, fields: FIELDS, valueBytes: VALUE_BYTES, pace: { perSecond: PER_SECOND } });
  const seconds = bench.options.seconds ?? SECONDS;
  const measured = await server.profiled(`webhooks-${kind}`, () => measure(server, load, seconds));
  await load.stopWriting();
  await part.end();
  receiver?.closeAllConnections();
  receiver?.close();
  return measured;
}

async function receive(waitMs: number): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      setTimeout(() => response.writeHead(204).end(), waitMs);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
