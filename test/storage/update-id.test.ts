import t from 'tap';
import { newUpdateId } from '../../src/storage/update-id.js';

const time = 1_700_000_000_000;

void t.test('the time comes first, in hex', (t) => {
  const id = newUpdateId(time);
  t.match(id, /^[0-9a-f]{32}$/);
  t.equal(Number.parseInt(id.slice(0, 12), 16), time);
  t.not(newUpdateId(time + 1).slice(12), id.slice(12));
  t.end();
});

void t.test('ids grow, whatever the clock does', (t) => {
  const times = [10, 10, 10.9, 10.2, 9, -5, NaN, 11, 2, 12].map((offset) => time + 1_000 + offset);
  const ids = times.map(newUpdateId);
  t.same(ids, [...new Set(ids)].sort());
  const [first, second] = ids.map((id) => BigInt(`0x${id}`)) as [bigint, bigint];
  t.equal(second, first + 1n);
  t.end();
});

void t.test('a count that overflows carries over', (t) => {
  let last = newUpdateId(time + 3_000);
  for (let i = 0; i < 70_000; i++) {
    const id = newUpdateId(0);
    if (BigInt(`0x${id}`) !== BigInt(`0x${last}`) + 1n) t.fail(`${id} after ${last}`);
    last = id;
  }
  t.end();
});
