import assert from 'node:assert/strict';
import fc from 'fast-check';
import pg from 'pg';
import tap, { test, type Test } from 'tap';
import { bigintArray, booleanArray, integerArray, textArray } from '../../../src/storage/postgres/arrays.js';
import { database } from '../../support/postgres/postgres.js';
import { holdsAsync } from '../../support/values/property.js';

// tap's own limit is short for a busy machine.
tap.setTimeout(300_000);

const safe = fc.oneof(
  fc.maxSafeInteger(),
  fc.constantFrom(0, 1, -1, 2 ** 31, 2 ** 32, -(2 ** 32), 2 ** 53 - 1, 1 - 2 ** 53),
);
const columns = fc.record({
  texts: fc.array(fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '"'))),
  bigints: fc.array(safe),
  integers: fc.array(fc.integer()),
  booleans: fc.array(fc.boolean()),
});

async function connected(t: Test): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: (await database(t)).url });
  await client.connect();
  t.teardown(() => client.end());
  return client;
}

test('the database reads arrays as they were, of any length', async (t) => {
  const client = await connected(t);
  await holdsAsync(
    t,
    fc.asyncProperty(columns, async ({ texts, bigints, integers, booleans }) => {
      const { rows } = await client.query({
        text: 'SELECT $1::text[], $2::text[], $3::integer[], $4::boolean[]',
        values: [textArray(texts), textArray(bigints.map(String)), integerArray(integers), booleanArray(booleans)],
        rowMode: 'array',
      });
      assert.deepEqual(rows, [[texts, bigints.map(String), integers, booleans]]);
      const same = await client.query({
        text: 'SELECT $1::bigint[]::text[] = $2::text[] AS same',
        values: [bigintArray(bigints), textArray(bigints.map(String))],
      });
      assert.deepEqual(same.rows, [{ same: true }]);
    }),
    200,
  );
});

test('a text that the database can not hold is refused by it, not cut', async (t) => {
  const client = await connected(t);
  await t.rejects(client.query('SELECT $1::text[]', [textArray(['a', 'b\0c'])]), { code: '22021' });
});
