/** Nodes whose clocks differ from the database's: it is measured, reported, and beyond the bound they are not ready. */
import { test, type Test } from 'tap';
import { server } from '../../support/nodes/fixture.js';
import { database } from '../../support/postgres/postgres.js';
import type { ServerProcess } from '../../support/nodes/server.js';

const preload = new URL('../../support/nodes/skew.js', import.meta.url).href;

async function skewed(t: Test, skewMs: number, env: NodeJS.ProcessEnv): Promise<ServerProcess> {
  const skew = { SYNCKIT_TEST_SKEW_MS: String(skewMs), NODE_OPTIONS: `--import ${preload}` };
  return server(t, { ...env, ...skew, SHARDS: '1', LOG_LEVEL: 'info' });
}

async function offsetOf({ http }: ServerProcess): Promise<number> {
  const metrics = await (await fetch(`${http}/metrics`)).text();
  return Number(/^synckit_clock_offset_seconds (\S+)$/m.exec(metrics)?.[1]);
}

async function readyOf({ http }: ServerProcess): Promise<{ status: number; body: string }> {
  const answer = await fetch(`${http}/health/ready`);
  return { status: answer.status, body: await answer.text() };
}

function warned({ log }: ServerProcess): boolean {
  return log.some(({ msg }) => msg === 'the clock of this host differs from that of the database');
}

test('a clock that is off by seconds is reported; by more than SYNC_MAX_CLOCK_SKEW_MS, the node is not ready', async (t) => {
  const { url } = await database(t);
  const env = { DATABASE_URL: url, SYNC_MAX_CLOCK_SKEW_MS: '60000' };
  const right = await skewed(t, 0, env);
  t.equal((await readyOf(right)).status, 200);
  t.ok(Math.abs(await offsetOf(right)) < 1);
  t.notOk(warned(right));

  const near = await skewed(t, 30_000, env);
  t.equal((await readyOf(near)).status, 200);
  t.equal(Math.round((await offsetOf(near)) / 10), 3);
  t.ok(warned(near));

  for (const [skewMs, words] of [
    [3_600_000, 'ahead of'],
    [-3_600_000, 'behind'],
  ] as const) {
    const off = await skewed(t, skewMs, env);
    const { status, body } = await readyOf(off);
    t.equal(status, 503);
    t.match(body, new RegExp(`The clock is 3[56]\\d\\d s ${words} that of the database`));
    t.equal(Math.sign(await offsetOf(off)), Math.sign(skewMs));
  }
});

test('without a database there is no other clock', async (t) => {
  const alone = await skewed(t, 3_600_000, {});
  t.equal((await readyOf(alone)).status, 200);
  t.equal(await offsetOf(alone), 0);
});
