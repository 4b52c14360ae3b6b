/** Entries of a batch that are no writes of fields: texts, counters, sets, and what is unknown. */
import { test } from 'tap';
import { codeOf, parse, parseAll, plain } from '../support/values/operations.js';

test('the state of a text is taken as it is, with the clock that its client uses', (t) => {
  const text = { type: 'text-state', documentId: 'd', state: '{"blocks":[]}', clientId: 'c', timestamp: 7 };
  const clocks = [5, { c: 4, d: 9 }, undefined];
  const { sets, texts, relays } = parseAll('delta_batch', {
    deltas: [{ field: 'a', value: 1 }, ...clocks.map((clock) => ({ ...text, clock }))],
  });
  t.equal(sets.length, 1);
  const state = Buffer.from('{\\"blocks\\":[]}');
  t.strictSame(relays, []);
  t.strictSame(texts, [
    { state, clientId: 'c', clock: '5', clockMax: 5 },
    { state, clientId: 'c', clock: '{"c":4,"d":9}', clockMax: 9 },
    { state, clientId: 'c', clock: undefined, clockMax: 0 },
  ]);
  t.end();
});

test('a text needs a state that is a string, and a clock that is one', (t) => {
  for (const wrong of [{}, { state: {} }, { state: null }, { state: '{}', clock: 'x' }, { state: '{}', clock: -1 }]) {
    t.equal(
      codeOf('delta_batch', { deltas: [{ type: 'text-state', ...wrong }] }),
      'INVALID_DELTA',
      JSON.stringify(wrong),
    );
  }
  t.equal(
    codeOf('delta_batch', { deltas: [{ type: 'text-state', state: '{}', documentId: 'e' }] }),
    'PERMISSION_DENIED',
  );
  t.equal(codeOf('delta', { type: 'text-state', state: '{}' }), 'INVALID_DELTA', 'only in a batch');
  t.end();
});

test('counters, sets and the former kind of text are sent on as they came, what is unknown is skipped', (t) => {
  const counter = { type: 'counter', operation: 'increment', value: 2, documentId: 'd', clientId: 'c' };
  const add = { type: 'set', operation: 'add', value: 'x' };
  const insert = { type: 'text', operation: 'insert', position: 0, value: 'x' };
  const { sets, texts, relays } = parseAll('delta_batch', {
    deltas: [
      counter,
      { type: 'richtext', operation: 'format' },
      add,
      insert,
      { type: 'set', field: 'a', value: 1 },
      {},
    ],
  });
  t.strictSame(
    relays.map((entry) => JSON.parse(entry) as unknown),
    [counter, add, insert],
  );
  t.strictSame([sets.length, texts.length], [1, 0]);
  t.equal(codeOf('delta', insert), 'INVALID_DELTA', 'only in a batch');
  t.end();
});

test('other entries without a field are skipped', (t) => {
  const deltas = [{}, { type: 'richtext' }, { type: 7 }, { field: 'f', value: 1 }, { value: 1 }];
  t.strictSame(parse('delta_batch', { deltas }), [{ ...plain, field: 'f' }]);
  t.strictSame(parse('delta_batch', { deltas: [] }), []);
  t.end();
});
