/** Which states of the reference server are texts, which are documents, and whose keys are fields. */
import { test } from 'tap';
import { rowsOf } from '../../src/import/reference-rows.js';
import { readReferenceState } from '../../src/import/reference-state.js';
import { reasonAgainstRow } from '../../src/storage/limits.js';

function read(id: string, state: unknown) {
  const read = readReferenceState(id, JSON.stringify(state));
  return read.kind === 'fields'
    ? { kind: 'fields', unknown: read.unknown, fields: [...read.values].map(([name, { json }]) => `${name}=${json}`) }
    : read;
}

const fields = (...fields: string[]) => ({ kind: 'fields', unknown: [], fields });

test('documents', (t) => {
  t.same(read('d', { id: 'd', fields: { a: 1, b: { c: 2 } } }), fields('a=1', 'b={"c":2}'));
  t.same(read('d', { id: 'another', fields: { a: 1 } }), fields('a=1'), 'a copied row');
  t.same(read('d', { id: 'd', fields: {}, vectorClock: { x: 1 }, version: 3 }), fields(), 'with known keys beside');
  t.same(read('d', { id: 'd', fields: { a: 1 }, extra: 2 }), { ...fields('a=1'), unknown: ['extra'] });
  t.same(read('d', { a: 1, b: null }), fields('a=1', 'b=null'), 'an older row');
  t.same(read('d', {}), fields());
  t.same(read('d', { fields: { a: 1 } }), fields('fields={"a":1}'), 'a form may have a field of that name');
  t.same(read('d', { id: 7, fields: { a: 1 } }), fields('id=7', 'fields={"a":1}'));
  t.same(read('d', { id: 'd', fields: [1] }), fields('id="d"', 'fields=[1]'));
  t.same(read('d', { id: 'x', fields: { a: 1 }, title: 2 }), fields('id="x"', 'fields={"a":1}', 'title=2'));
  t.same(read('d', { type: 'todo', title: 'x' }), fields('type="todo"', 'title="x"'), 'another type is a field');
  t.same(read('d', { type: 'text', title: 'x' }), fields('type="text"', 'title="x"'));
  t.same(read('d', { type: 'text', content: 'x', title: 'y' }), fields('type="text"', 'content="x"', 'title="y"'));
  t.same(read('d', { id: 'd', fields: { type: 'text', content: 'x', crdt: 'y' } }).kind, 'fields');
  t.end();
});

test('texts', (t) => {
  const text = { kind: 'text', crdt: '{"blocks":[]}', content: 'x', clock: 3, unknown: [] };
  const state = { type: 'text', content: 'x', crdt: '{"blocks":[]}', clock: 3 };
  t.same(read('d', state), text);
  t.same(read('d', { ...state, crdt: { blocks: [] } }), text, 'as JSON and not as a string');
  t.same(read('d', { ...state, crdt: JSON.stringify(state.crdt) }), text, 'encoded twice');
  t.same(read('d', { ...state, crdt: null }), { ...text, crdt: undefined });
  t.same(read('d', { type: 'text', content: 'x' }), { ...text, crdt: undefined, clock: 0 });
  t.same(read('d', { ...state, clock: 'x', content: null }), { ...text, clock: 0, content: undefined });
  t.same(read('d', { ...state, marks: [] }), { ...text, unknown: ['marks'] });
  t.end();
});

test('what is no state', (t) => {
  for (const state of [null, 1, 'x', [], true]) t.equal(read('d', state).kind, 'unreadable');
  t.equal(readReferenceState('d', null).kind, 'unreadable');
  t.equal(readReferenceState('d', '{').kind, 'unreadable');
  t.end();
});

test('an empty string is no state of a text, and a version beyond all counts keeps no value out', (t) => {
  const text = readReferenceState('d', '{"type": "text", "content": "", "crdt": "", "clock": 1}');
  t.match(text, { kind: 'text', crdt: undefined, content: '' });
  const document = readReferenceState('d', '{"id": "d", "fields": {"a": 1}}');
  if (document.kind !== 'fields') throw new Error('it is a document');
  for (const version of ['9223372036854775807', '{"ann": 1e300}', '2.5']) {
    const { fields, refused } = rowsOf(document.values, version, undefined);
    t.same(refused, []);
    t.equal(reasonAgainstRow(fields[0]!), undefined, version);
  }
  t.end();
});
