/** Old entries are dropped in the background, by age and by number, and nothing else with them. */
import { test } from 'tap';
import { secret, server } from '../../support/nodes/fixture.js';
import { until } from '../../support/nodes/server.js';
import { database } from '../../support/postgres/postgres.js';
import { Historian } from './historian.js';

for (const storage of ['lmdb', 'postgres'] as const) {
  test(`histories stay within their bounds (${storage})`, async (t) => {
    const own = storage === 'lmdb' ? {} : { DATABASE_URL: (await database(t)).url };
    const env = { JWT_SECRET: secret, METRICS_TOKEN: '', HISTORY_PREFIXES: 'd', HISTORY_MAX_AGE: '5s', ...own };
    const to = await server(t, { ...env, HISTORY_MAX_ENTRIES: '10' });
    const ann = new Historian(to, 'ann');
    const start = Date.now();
    for (let i = 1; i <= 30; i++) await ann.ask('PATCH', '/documents/d', { a: i });
    await ann.ask('PUT', '/documents/d/text', { content: 'text' });
    await until('the oldest to be dropped', async () => (await ann.activity('d', { pause: '0' })).length <= 10);
    await until('all of them to be too old', async () => (await ann.activity('d')).length === 0);
    t.strictSame(await ann.at('d', Date.now()), { fields: { a: 30 }, text: 'text' });
    t.equal(await ann.status('GET', `/documents/d/at/${start}`), '410 HISTORY_NOT_KEPT');
    t.equal(await ann.status('POST', '/documents/d/rollback', { since: start }), '410 HISTORY_NOT_KEPT');
    await ann.ask('PATCH', '/documents/d', { a: 31 });
    t.match(await ann.activity('d', { pause: '0' }), [{ fields: [{ field: 'a', before: 30, after: 31 }] }]);
    const metrics = await (await fetch(`${to.http}/metrics`)).text();
    const count = (name: string): number =>
      Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)`, 'm').exec(metrics)?.[1]);
    t.equal(count('synckit_history_entries_total'), 32);
    t.equal(count('synckit_history_pruned_total'), 31);
    t.equal(count('synckit_history_failures_total'), 0);
    t.ok(count('synckit_history_bytes_total') > 100);
  });
}
