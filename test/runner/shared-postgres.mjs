import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ProcessGroup } from './process-group.mjs';

/** How long Postgres may take to stop. Milliseconds. */
const STOP_MS = 10_000;

/**
 * Starts the Postgres that all test files share.
 *
 * @returns Its address, and `stop`, which resolves when it is gone. @throws When it does not start.
 */
export async function startSharedPostgres() {
  const stdio = ['pipe', 'pipe', 'inherit'];
  const group = new ProcessGroup([join(import.meta.dirname, 'postgres.mjs')], { env: process.env, stdio });
  const stop = async () => {
    group.child.stdin.end();
    await Promise.race([group.exit, sleep(STOP_MS, undefined, { ref: false })]);
    await group.end();
  };
  const url = await Promise.race([
    new Promise((resolve) => createInterface({ input: group.child.stdout }).once('line', resolve)),
    group.exit.then(() => undefined),
  ]);
  if (url === undefined) throw new Error('the Postgres of the tests does not start');
  return { url, stop };
}
