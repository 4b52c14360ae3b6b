import fc from 'fast-check';
import { test } from 'tap';
import { SmallMap } from '../../../../src/acceptor/session/parts/small-map.js';

const keys = fc.constantFrom('a', 'b', 'c');
const calls = fc.array(
  fc.oneof(
    fc.record({ call: fc.constant('set' as const), key: keys, value: fc.option(fc.nat(3), { nil: undefined }) }),
    fc.record({ call: fc.constant('delete' as const), key: keys }),
    fc.record({ call: fc.constant('clear' as const) }),
  ),
);

test('a small map is like a map', (t) => {
  fc.assert(
    fc.property(calls, (made) => {
      const small = new SmallMap<number | undefined>();
      const map = new Map<string, number | undefined>();
      for (const step of made) {
        if (step.call === 'set') {
          small.set(step.key, step.value);
          map.set(step.key, step.value);
        } else if (step.call === 'delete') {
          if (small.delete(step.key) !== map.delete(step.key)) return false;
        } else {
          small.clear();
          map.clear();
        }
        const same = ['a', 'b', 'c'].every((key) => small.has(key) === map.has(key) && small.get(key) === map.get(key));
        if (!same || small.size !== map.size) return false;
        if (JSON.stringify([...small]) !== JSON.stringify([...map])) return false;
        if (JSON.stringify([...small.keys()]) !== JSON.stringify([...map.keys()])) return false;
      }
      return true;
    }),
  );
  t.end();
});

test('entries may be deleted while they are looked at', (t) => {
  for (const keys of [['a'], ['a', 'b', 'c']]) {
    const map = new SmallMap<number>();
    keys.forEach((key, i) => map.set(key, i));
    const seen: string[] = [];
    for (const key of map.keys()) {
      seen.push(key);
      map.delete(key);
    }
    t.same(seen, keys);
    t.equal(map.size, 0);
  }
  t.end();
});
