import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type Test } from 'tap';
import { readSchemas, type Schemas } from '../../src/validation/schemas.js';

/** Reads the schemas of a folder with these files. */
async function read(t: Test, files: Readonly<Record<string, object | string>>): Promise<Schemas> {
  const directory = await mkdtemp(join(tmpdir(), 'synckit-schemas-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(directory, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return readSchemas(directory);
}

const set = (field: string, value: unknown) => ({ field, value: JSON.stringify(value), deleted: false });
const removal = (field: string) => ({ field, value: '{"__deleted":true}', deleted: true });

const todo = {
  'x-document-prefix': 'todo:',
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  required: ['title'],
  properties: {
    title: { type: 'string', maxLength: 5 },
    due: { type: 'string', format: 'date' },
    item: { $ref: '#/$defs/item' },
  },
  patternProperties: { '^item-': { $ref: '#/$defs/item' } },
  additionalProperties: false,
  $defs: { item: { type: 'object', properties: { done: { type: 'boolean' } }, required: ['done'] } },
};

test('each field that is written is checked by the schema with the longest prefix', async (t) => {
  const open = { 'x-document-prefix': 'todo:open:' };
  const numbers = { 'x-document-prefix': '', additionalProperties: { type: 'number' } };
  const schemas = await read(t, { 'a.json': todo, 'b.json': open, 'c.json': numbers, 'readme.txt': 'no schema' });
  t.equal(schemas.count, 3);
  const reason = (id: string, ...changes: Parameters<Schemas['reasonAgainst']>[1]): string | undefined =>
    schemas.reasonAgainst(id, changes);
  t.equal(reason('todo:1', set('title', 'short'), set('due', '2026-02-28'), removal('due')), undefined);
  t.equal(reason('todo:1', set('item-7', { done: true })), undefined);
  t.equal(reason('todo:1', set('title', 'too long')), '/title must NOT have more than 5 characters');
  t.equal(reason('todo:1', set('title', 'short'), set('title', 7)), '/title must be string', 'each counts');
  t.equal(reason('todo:1', set('due', '2026-02-30')), '/due must match format "date"');
  t.equal(reason('todo:1', set('item', {})), "/item must have required property 'done'");
  t.equal(reason('todo:1', set('item-7', { done: 1 })), '/item-7/done must be boolean');
  t.equal(reason('todo:1', set('other', 1)), '/other must NOT have additional properties');
  t.equal(reason('todo:1', removal('title')), '/title is required');
  t.equal(reason('todo:open:1', set('other', 1), removal('title')), undefined);
  t.equal(reason('x', set('n', 1)), undefined);
  t.equal(reason('x', set('n', 'one')), '/n must be number');
  t.equal(reason('x', set('__proto__', 'one')), '/__proto__ must be number');
  t.ok((reason('x', set('n'.repeat(1_000), 'one')) ?? '').length <= 300, 'a reason is bounded');
});

test('what every object inherits is nothing that was written', async (t) => {
  const properties = { constructor: { type: 'string' }, item: { type: 'object', required: ['toString'] } };
  const schemas = await read(t, { 'a.json': { 'x-document-prefix': '', properties } });
  t.equal(schemas.reasonAgainst('d', [set('other', 1)]), undefined);
  t.equal(schemas.reasonAgainst('d', [set('constructor', 1)]), '/constructor must be string');
  t.equal(schemas.reasonAgainst('d', [set('item', {})]), "/item must have required property 'toString'");
});

test('draft 7 is understood where a schema names it, and what no schema is for is not checked', async (t) => {
  const schema = {
    'x-document-prefix': 'a:',
    $schema: 'http://json-schema.org/draft-07/schema#',
    definitions: { n: { type: 'integer' } },
    properties: {
      n: { $ref: '#/definitions/n' },
      pair: { type: 'array', items: [{ type: 'string' }], minItems: 1, additionalItems: false },
    },
  };
  const schemas = await read(t, { 'a.json': schema });
  t.equal(schemas.reasonAgainst('a:1', [set('n', 1.5)]), '/n must be integer');
  t.equal(schemas.reasonAgainst('a:1', [set('pair', [1])]), '/pair/0 must be string');
  t.equal(schemas.reasonAgainst('b:1', [set('n', 1.5)]), undefined);
});

test('what can’t be used is said in a sentence that names the file', async (t) => {
  const prefix = { 'x-document-prefix': 'a:' };
  const refused: readonly (readonly [Record<string, object | string>, RegExp])[] = [
    [{}, /^SCHEMA_DIR has no schema: there is no file \*\.json in /],
    [{ 'a.json': '{' }, /a\.json is not JSON: /],
    [{ 'a.json': '[]' }, /a\.json: : /],
    [{ 'a.json': { properties: {} } }, /a\.json: x-document-prefix: /],
    [{ 'a.json': { ...prefix, type: 'array' } }, /a\.json: type: /],
    [{ 'a.json': { ...prefix, minProperties: 1 } }, /a\.json: "minProperties" can't stand at the top: /],
    [{ 'a.json': { ...prefix, properties: { a: { type: 'text' } } } }, /a\.json: .*type/],
    [{ 'a.json': { ...prefix, properties: { a: { typ: 'string' } } } }, /a\.json: .*unknown keyword: "typ"/],
    [{ 'a.json': prefix, 'b.json': prefix }, /a\.json and .*b\.json are for the same prefix\.$/],
  ];
  for (const [files, message] of refused) {
    await t.rejects(read(t, files), { name: 'DocumentSchemaError', message }, message.source);
  }
  await t.rejects(readSchemas('/does/not/exist'), { message: /^SCHEMA_DIR can't be read: / });
});
