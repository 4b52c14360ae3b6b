/** Writes of fields, in both forms and in batches. */
import fc from 'fast-check';
import { test } from 'tap';
import { DELETED_VALUE, MAX_FIELD_BYTES } from '../../src/protocol/operations.js';
import { jsonValues, objects, spell } from '../support/values/json-text.js';
import { codeOf, HEADER_TIME, parse, plain } from '../support/values/operations.js';
import { holds } from '../support/values/property.js';

test('the SDK form: one field with value, clock and client id', (t) => {
  const operation = {
    documentId: 'd',
    field: 'f',
    value: { b: [1, null] },
    clock: { me: 3, other: 7 },
    clientId: 'me',
  };
  t.strictSame(parse('delta', operation), [
    {
      field: 'f',
      value: '{"b":[1,null]}',
      deleted: false,
      timestamp: HEADER_TIME,
      counter: 3,
      clockMax: 7,
      clientId: 'me',
    },
  ]);
  t.strictSame(parse('delta', { documentId: 'd', field: 'f', value: 1 }), [{ ...plain, field: 'f' }]);
  t.strictSame(parse('delta', { documentId: 'd', type: 'set', field: '', value: null })[0], {
    ...plain,
    field: '',
    value: 'null',
  });
  t.end();
});

test('the server form: many fields with one clock', (t) => {
  const operations = parse('delta', {
    documentId: 'd',
    delta: { a: 1, b: { __deleted: true } },
    vectorClock: { me: 2 },
    clientId: 'me',
  });
  t.strictSame(operations, [
    { ...plain, field: 'a', counter: 2, clockMax: 2, clientId: 'me' },
    { ...plain, field: 'b', value: DELETED_VALUE, deleted: true, counter: 2, clockMax: 2, clientId: 'me' },
  ]);
  t.strictSame(parse('delta', { delta: {} }), []);
  t.end();
});

test('a batch: each operation with its own time, the message’s where it has none', (t) => {
  const deltas = [
    { field: 'a', value: 1, timestamp: 5 },
    { field: 'b', value: 1 },
    { field: 'c', value: 1, timestamp: -5 },
    { field: 'd', value: 1, timestamp: '5' },
  ];
  t.strictSame(
    parse('delta_batch', { documentId: 'd', deltas }).map(({ timestamp }) => timestamp),
    [5, HEADER_TIME, HEADER_TIME, HEADER_TIME],
  );
  t.end();
});

test('a removal is the value {"__deleted": true} or the type delete', (t) => {
  const removed = { field: 'f', ...plain, value: DELETED_VALUE, deleted: true };
  t.strictSame(parse('delta', { field: 'f', value: { __deleted: true } }), [removed]);
  t.strictSame(parse('delta', { field: 'f', value: { __deleted: true, x: 1 } }), [removed]);
  t.strictSame(parse('delta', { field: 'f', type: 'delete' }), [removed]);
  t.strictSame(parse('delta_batch', { deltas: [{ field: 'f', type: 'delete', value: 1 }] }), [removed]);
  for (const value of [
    null,
    false,
    [],
    [{ __deleted: true }],
    { __deleted: false },
    { __deleted: 1 },
    { x: { __deleted: true } },
  ]) {
    t.equal(parse('delta', { field: 'f', value })[0]?.deleted, false, JSON.stringify(value));
  }
  t.end();
});

test('clocks: an object, a number, `vectorClock`, or none', (t) => {
  const clockOf = (fields: object): unknown[] => {
    const [operation] = parse('delta', { field: 'f', value: 1, clientId: 'me', ...fields });
    return [operation?.counter, operation?.clockMax];
  };
  t.strictSame(clockOf({}), [undefined, 0]);
  t.strictSame(clockOf({ clock: null }), [undefined, 0]);
  t.strictSame(clockOf({ clock: {} }), [undefined, 0]);
  t.strictSame(clockOf({ clock: 4 }), [4, 4]);
  t.strictSame(clockOf({ clock: { me: 0 } }), [0, 0]);
  t.strictSame(clockOf({ clock: { other: 9 } }), [undefined, 9], 'the counter is the writer’s own entry');
  t.strictSame(clockOf({ vectorClock: { me: 2 } }), [2, 2]);
  t.strictSame(clockOf({ clock: { me: 3 }, vectorClock: { me: 2 } }), [3, 3]);
  t.strictSame(clockOf({ clock: { me: Number.MAX_SAFE_INTEGER } }), [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]);
  for (const clock of [-1, 1.5, '1', [1], true, { me: -1 }, { me: null }, { me: '1' }, { me: 0.5 }, { x: {} }]) {
    t.equal(codeOf('delta', { field: 'f', value: 1, clock }), 'INVALID_DELTA', JSON.stringify(clock));
  }
  t.equal(codeOf('delta', '{"field":"f","value":1,"clock":{"me":1e999}}'), 'INVALID_DELTA');
  t.equal(
    codeOf('delta', '{"field":"f","value":1,"clock":{"me":9007199254740992}}'),
    'INVALID_DELTA',
    'not exact as a double',
  );
  t.end();
});

test('names that mean something to JavaScript are names like any other', (t) => {
  const [set] = parse(
    'delta',
    '{"field":"__proto__","value":1,"clientId":"__proto__","clock":{"__proto__":5,"toString":9}}',
  );
  t.match(set, { field: '__proto__', clientId: '__proto__', counter: 5, clockMax: 9 });
  const server = parse('delta', '{"delta":{"__proto__":{"__deleted":true},"constructor":2}}');
  t.strictSame(
    server.map(({ field, deleted }) => [field, deleted]),
    [
      ['__proto__', true],
      ['constructor', false],
    ],
  );
  t.equal(
    parse('delta', '{"field":"f","value":{"__proto__":{"__deleted":true}}}')[0]?.value,
    '{"__proto__":{"__deleted":true}}',
  );
  t.end();
});

test('field names: well-formed and at most 1024 bytes', (t) => {
  const write = (field: unknown): string => codeOf('delta', { field, value: 1 });
  t.equal(write('a'.repeat(MAX_FIELD_BYTES)), 'applied');
  t.equal(write('a'.repeat(MAX_FIELD_BYTES + 1)), 'INVALID_DELTA');
  t.equal(write('€'.repeat(341)), 'applied');
  t.equal(write('€'.repeat(342)), 'INVALID_DELTA');
  t.equal(write('\ud800'), 'INVALID_DELTA');
  t.equal(write('𝄞'), 'applied');
  for (const field of [null, 1, {}, ['f']]) t.equal(write(field), 'INVALID_DELTA');
  t.equal(codeOf('delta', { delta: { ['a'.repeat(MAX_FIELD_BYTES + 1)]: 1 } }), 'INVALID_DELTA');
  t.end();
});

test('client ids: absent, or well-formed and at most 256 characters', (t) => {
  const clientOf = (clientId: unknown): unknown => parse('delta', { field: 'f', value: 1, clientId })[0]?.clientId;
  t.equal(clientOf(undefined), undefined);
  t.equal(clientOf(null), undefined);
  t.equal(clientOf(''), undefined);
  t.equal(clientOf('x'.repeat(256)), 'x'.repeat(256));
  for (const clientId of ['x'.repeat(257), 1, {}, '\udfff']) {
    t.equal(codeOf('delta', { field: 'f', value: 1, clientId }), 'INVALID_DELTA', JSON.stringify(clientId));
  }
  t.end();
});

test('AUT8 an operation that names another document refuses the whole message', (t) => {
  t.equal(codeOf('delta', { documentId: 'e', field: 'f', value: 1 }), 'PERMISSION_DENIED');
  t.equal(codeOf('delta', { documentId: null, field: 'f', value: 1 }), 'PERMISSION_DENIED');
  const mixed = {
    documentId: 'd',
    deltas: [
      { field: 'a', value: 1 },
      { documentId: 'e', field: 'f', value: 1 },
    ],
  };
  t.equal(codeOf('delta_batch', mixed), 'PERMISSION_DENIED');
  t.equal(
    codeOf('delta_batch', { deltas: [{ documentId: 'e', type: 'text' }] }),
    'PERMISSION_DENIED',
    'without a field too',
  );
  t.end();
});

test('a malformed batch is refused as a whole', (t) => {
  for (const deltas of [undefined, null, {}, 'x', [1], [null], [[]], [{ field: 'a', value: 1 }, { field: 'b' }]]) {
    t.equal(codeOf('delta_batch', { deltas }), 'INVALID_DELTA', JSON.stringify(deltas));
  }
  t.equal(codeOf('delta', { field: 'f' }), 'INVALID_DELTA', 'a value is missing');
  t.equal(codeOf('delta', {}), 'INVALID_DELTA');
  t.equal(codeOf('delta', { delta: [1] }), 'INVALID_DELTA');
  t.end();
});

test('CON6 any operation is taken or refused with a code', (t) => {
  const names = fc.constantFrom(
    'documentId',
    'field',
    'value',
    'clock',
    'vectorClock',
    'clientId',
    'delta',
    'deltas',
    'type',
    'timestamp',
  );
  const anything = objects(
    fc.oneof(jsonValues, objects(jsonValues, names), fc.array(objects(jsonValues, names))),
    names,
  );
  holds(
    t,
    fc.property(fc.constantFrom('delta', 'delta_batch' as const), anything, (type, payload) => {
      codeOf(type, spell(payload, [2]));
    }),
    1_000,
  );
  t.end();
});
