import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves when the wall clock, in milliseconds, is past now: what is stamped then is later than all before. */
export async function nextMillisecond(): Promise<void> {
  const now = Date.now();
  while (Date.now() <= now) await sleep(1);
}
