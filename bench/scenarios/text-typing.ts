/** What a keystroke costs a server, by the size of the text: one client types, and sends all of its text each time. */
import type { Bench } from '../bench.js';
import { per, rounded, type Measured } from '../measure.js';
import type { MeasuredServer } from '../servers/measured-server.js';
import { cpuSince, cpuTimes, writtenBytes } from '../servers/process-stats.js';
import type { Conditions, Row } from '../scenario.js';

const SIZES: readonly (readonly [name: string, bytes: number])[] = [
  ['10 KB', 10_000],
  ['100 KB', 100_000],
  ['1 MB', 1_000_000],
];
const KEYSTROKES = 300;
/** In another document, to warm up the compilers. */
const WARM_UP_KEYSTROKES = 150;

export const typingConditions: Conditions = {
  typing: `one client, ${KEYSTROKES} characters, each when the one before it is acknowledged; lmdb`,
  'states that are typed in': 'single characters, so they grow by about 220 bytes with each',
};

export async function typeTexts(bench: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [name, stateBytes] of SIZES) {
    // Each character finds its document idle or is alone in its flush, so no delay is measured.
    const server = await bench.server({ storage: 'lmdb', env: { SYNC_BATCH_DELAY: '0' } });
    const load = bench.load();
    await load.order('open', { port: server.port, count: 1 });
    await load.order('subscribe', { first: 0, count: 1, documents: 2, all: true });
    await load.order('text', { client: 0, document: 1, stateBytes });
    await load.order('type', { characters: WARM_UP_KEYSTROKES });
    await load.order('text', { client: 0, document: 0, stateBytes });
    await load.order('mark', null);
    const before = { given: await textBytesOf(server), written: writtenBytes(server.pid) };
    const [cpuBefore, loadBefore] = [cpuTimes(server.pid), cpuTimes(load.pid)];
    await server.profiled(`text-${name}`, () => load.order('type', { characters: KEYSTROKES }));
    const counts = await load.order('read', null);
    const [cpu, loadCpu] = [cpuSince(server.pid, cpuBefore), cpuSince(load.pid, loadBefore)];
    const measured = {
      ...counts,
      acceptor: cpu.main,
      others: cpu.others,
      load: loadCpu.main + loadCpu.others,
    };
    const given = (await textBytesOf(server)) - before.given;
    rows.push(rowOf(name, measured, given, writtenBytes(server.pid) - before.written));
    await load.stopWriting();
    await load.stop();
    await server.stop();
  }
  return rows;
}

function rowOf(name: string, measured: Omit<Measured, 'seconds'>, given: number, written: number): Row {
  const { acks, ack, acceptor, others } = measured;
  return {
    text: `typing in ${name}`,
    'stored bytes/key': per(given, acks),
    'written bytes/key': per(written, acks),
    'ack p50 ms': rounded(ack.p50),
    'ack p95 ms': rounded(ack.p95),
    'acceptor µs/key': per(acceptor, acks),
    'shard µs/key': per(others, acks),
    'load µs/key': per(measured.load, acks),
  };
}

/** Bytes of texts given to the storage so far. */
function textBytesOf(server: MeasuredServer): Promise<number> {
  return server.metric('synckit_text_written_bytes_total');
}
