/** What docs/integration.md says to do with the history of documents, as it is written there. */
import { spawnSync } from 'node:child_process';
import { test } from 'tap';
import { nextMillisecond } from '../../support/next-millisecond.js';
import { secret, server, token } from '../../support/nodes/fixture.js';
import { block } from '../../support/pages.js';
import { Historian, type ActivityGroup, type Past } from './historian.js';

const page = 'docs/integration.md';

test('who changed a price is audited, and an afternoon is undone', async (t) => {
  const start = block(page, 'sh', 'HISTORY_PREFIXES=order:');
  const variables = Array.from(
    start.matchAll(/([A-Z_]+)=(\S+)/g),
    ([, name = '', value = '']) => [name, value] as const,
  );
  const to = await server(t, { JWT_SECRET: secret, ...Object.fromEntries(variables) });
  const [ann, bob] = [new Historian(to, 'ann'), new Historian(to, 'bob')];
  await ann.ask('PATCH', '/documents/order:17', { price: 120, status: 'open' });
  await nextMillisecond();
  const noon = new Date().toISOString();
  await nextMillisecond();
  await bob.ask('PATCH', '/documents/order:17', { price: 90, discount: 0.25, status: 'sold' });
  await ann.ask('PATCH', '/documents/order:17', { status: 'lost' });

  const run = (marker: string): unknown => {
    const env = {
      PATH: process.env['PATH'],
      TOKEN: token('ann', { read: ['*'], write: ['*'] }),
      SERVER: to.http,
      NOON: noon,
    };
    const { stdout, stderr, status } = spawnSync('sh', ['-euc', block(page, 'sh', marker)], { env, encoding: 'utf8' });
    t.equal(status, 0, stderr);
    return JSON.parse(stdout);
  };
  const { activity } = run('field=price') as { activity: ActivityGroup[] };
  t.match(activity, [
    { user: 'bob', fields: [{ field: 'price', before: 120, after: 90, changes: 1 }] },
    { user: 'ann', fields: [{ field: 'price', after: 120, changes: 1 }] },
  ]);
  t.match((run('/at/$NOON') as Past).fields, { price: 120, status: 'open' });
  const { changed, ...rest } = run('/rollback') as { changed: string[] };
  t.strictSame(changed.sort(), ['discount', 'price']);
  t.strictSame(rest, { kept: ['status'], text: 'unchanged' });
  t.strictSame(await ann.fields('order:17'), { price: 120, status: 'lost' });
});
