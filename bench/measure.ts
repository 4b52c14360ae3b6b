import type { Counts, Range } from './load/commands.js';
import type { LoadProcess } from './load/load-process.js';
import { cpuSince, cpuTimes } from './servers/process-stats.js';
import type { Row } from './scenario.js';

const WARM_UP_SECONDS = 1.5;
const WARM_UP_WRITERS = 100;

/** What came of a stretch of time: what the clients saw, and what it took. */
export interface Measured extends Counts {
  readonly seconds: number;
  /** Microseconds of CPU of the server's main thread, of its other threads, and of the load process. */
  readonly acceptor: number;
  readonly others: number;
  readonly load: number;
}

/** Looks at a server and its load for some seconds. */
export async function measure(server: { pid: number }, load: LoadProcess, seconds: number): Promise<Measured> {
  await load.order('mark', null);
  const start = performance.now();
  const [serverBefore, loadBefore] = [cpuTimes(server.pid), cpuTimes(load.pid)];
  await sleep(seconds);
  const counts = await load.order('read', null);
  const [used, usedByLoad] = [cpuSince(server.pid, serverBefore), cpuSince(load.pid, loadBefore)];
  return {
    ...counts,
    seconds: (performance.now() - start) / 1_000,
    acceptor: used.main,
    others: used.others,
    load: usedByLoad.main + usedByLoad.others,
  };
}

/**
 * Lets clients write as fast as they can for a moment: the compilers take much longer to see what is worth their while
 * when writes are rare.
 */
export async function warmUp(
  load: LoadProcess,
  writers: Range & { readonly documents: number },
  seconds = WARM_UP_SECONDS,
): Promise<void> {
  const count = Math.min(writers.count, WARM_UP_WRITERS);
  await load.order('write', { ...writers, count, fields: 100, valueBytes: 64, pace: { underWay: 20 } });
  await sleep(seconds);
  await load.stopWriting();
  await sleep(0.2);
}

/** How busy everybody was, in percent of a core: shows that the load process is not what is measured. */
export function cpuColumns({ seconds, acceptor, others, load }: Measured): Row {
  const percent = (microseconds: number): number => Math.round(microseconds / seconds / 10_000);
  return {
    'acceptor CPU %': percent(acceptor),
    'other threads CPU %': percent(others),
    'load CPU %': percent(load),
  };
}

/** How many a second. */
export function rate(count: number, { seconds }: Pick<Measured, 'seconds'>): number {
  return Math.round(count / seconds);
}

/** `total` per `count`, 0 when there was nothing. */
export function per(total: number, count: number): number {
  return count === 0 ? 0 : rounded(total / count);
}

/** To three digits that count, as far as they are decimals. */
export function rounded(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

export async function sleep(seconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
}
