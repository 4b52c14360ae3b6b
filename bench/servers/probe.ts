/**
 * Loaded into a server before its own code (`--import`), in each of its threads: collects garbage and takes CPU
 * profiles when the bench asks for it over IPC. Does nothing until then.
 */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { BroadcastChannel, isMainThread, threadId } from 'node:worker_threads';

/** What the bench asks for. */
export type ProbeOrder =
  | { readonly probe: 'collect' }
  | { readonly probe: 'startProfile' }
  /** @param file Path of the profiles, without the thread's number and the ending. */
  | { readonly probe: 'stopProfile'; readonly file: string };

export interface ProbeReport {
  readonly probe: ProbeOrder['probe'];
  /** Bytes, after the garbage was collected. */
  readonly heapUsed: number;
  readonly external: number;
}

const SAMPLING_MICROSECONDS = 200;

const session = new Session();
const threads = new BroadcastChannel('synckit-bench-probe');
threads.onmessage = (event) => {
  void carryOut((event as { data: ProbeOrder }).data);
};
threads.unref();

if (isMainThread) {
  process.on('message', (message: unknown) => {
    if (typeof message !== 'object' || message === null || !('probe' in message)) return;
    const order = message as ProbeOrder;
    threads.postMessage(order);
    void carryOut(order).then(() => {
      const { heapUsed, external } = process.memoryUsage();
      process.send?.({ probe: order.probe, heapUsed, external } satisfies ProbeReport);
    });
  });
}

async function carryOut(order: ProbeOrder): Promise<void> {
  switch (order.probe) {
    case 'collect':
      collectGarbage();
      return;
    case 'startProfile':
      session.connect();
      await session.post('Profiler.enable');
      await session.post('Profiler.setSamplingInterval', { interval: SAMPLING_MICROSECONDS });
      await session.post('Profiler.start');
      return;
    case 'stopProfile': {
      const { profile } = await session.post('Profiler.stop');
      session.disconnect();
      writeFileSync(
        `${order.file}-${isMainThread ? 'acceptor' : `worker${threadId}`}.cpuprofile`,
        JSON.stringify(profile),
      );
    }
  }
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // The second round collects what the finalizers of the first one released.
  for (let round = 0; round < 3; round++) collect();
}
