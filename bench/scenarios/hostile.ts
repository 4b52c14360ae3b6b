/** What an honest writer feels of clients that mean harm. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { RawClient } from '../../test/support/clients/client.js';
import { watchMemory } from '../../test/support/memory.js';
import { attacks, program } from '../load/hostile-attacks.js';
import { rounded } from '../measure.js';
import { SHARDS } from '../servers/measured-server.js';
import type { Row, Scenario } from '../scenario.js';
import { secret, tokens } from '../load/tokens.js';

const SECONDS = 10;
/** Time between two writes of the honest writer, in ms; it waits for each ack. */
const PAUSE_MS = 5;
const LARGE_FIELDS = 100;
const LARGE_VALUE = 'x'.repeat(100_000);
const STATES = 40;

/** Limits that the other scenarios switch off. */
const defaults = {
  SYNCKIT_MAX_RECEIVED_BYTES_PER_SECOND: '',
  SYNCKIT_MAX_READ_BYTES_PER_SECOND: '',
  SYNCKIT_MAX_NODE_READ_BYTES_PER_SECOND: '',
  SYNCKIT_MAX_AWARENESS_BYTES_PER_SECOND: '',
  SYNCKIT_MAX_FANOUT_BYTES_PER_SECOND: '',
  SYNCKIT_MAX_USER_DOCUMENTS_PER_HOUR: '',
};

export const hostile: Scenario = {
  name: 'hostile',
  about: 'time from a write to its ack for an honest writer, beside clients that mean harm',
  rounds: 1,
  conditions: (options) => ({
    storage: 'lmdb',
    shards: SHARDS,
    'seconds per number': options.seconds ?? SECONDS,
    writer: `one write at a time, ${PAUSE_MS} ms after each ack`,
    ratio: 'p99 beside the attack, divided by that of the first row',
  }),
  async run(bench) {
    const rows: Row[] = [];
    let calm = 0;
    for (const name of Object.keys(attacks)) {
      const [token = '', own = ''] = tokens(2, 'hostile');
      const env = { JWT_SECRET: secret, ...defaults };
      const server = await bench.server({ storage: 'lmdb', env });
      const url = `ws://127.0.0.1:${server.port}/ws`;
      const writer = await RawClient.connect(url, { token: own });
      await prepare(writer, url, token);
      const memory = watchMemory(server.pid);
      const attacker = fork(program, [name, String(server.port), token]);
      await once(attacker, 'message');
      const measured = await measure(writer, (bench.options.seconds ?? SECONDS) * 1_000);
      const mostMemory = memory.stop();
      if (calm === 0) calm = measured.p99;
      rows.push({
        attack: name,
        acks: measured.acks,
        'ack p50 ms': rounded(measured.p50),
        'ack p99 ms': rounded(measured.p99),
        ratio: rounded(measured.p99 / calm),
        'most RSS MB': Math.round(mostMemory / 1e6),
      });
      attacker.kill('SIGKILL');
      writer.socket.terminate();
      await server.stop();
    }
    return rows;
  },
};

/** A large document, and one in which much is shown. */
async function prepare(writer: RawClient, url: string, token: string): Promise<void> {
  for (let i = 0; i < LARGE_FIELDS; i++) await writer.acked(writer.set('large', `f${i}`, LARGE_VALUE));
  for (let client = 0; client < 10; client++) {
    const shown = await RawClient.connect(url, { token });
    for (let i = 0; i < STATES; i++) {
      const state = { text: 'x'.repeat(10_000) };
      shown.send('awareness_update', { documentId: 'shown', clientId: `c${client}-${i}`, state, clock: 1 });
    }
    await shown.roundTrip();
  }
  writer.messages.length = 0;
}

async function measure(writer: RawClient, ms: number): Promise<{ acks: number; p50: number; p99: number }> {
  const times: number[] = [];
  const end = performance.now() + ms;
  while (performance.now() < end) {
    const started = performance.now();
    await ackOf(writer, writer.set('honest', 'f', times.length));
    times.push(performance.now() - started);
    writer.messages.length = 0;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  times.sort((a, b) => a - b);
  const at = (part: number): number => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0;
  return { acks: times.length, p50: at(0.5), p99: at(0.99) };
}

function ackOf(writer: RawClient, id: string): Promise<void> {
  return new Promise((resolve) => {
    writer.onMessage = (message) => {
      if (message.type === 'ack' && message['messageId'] === id) resolve();
    };
  });
}
