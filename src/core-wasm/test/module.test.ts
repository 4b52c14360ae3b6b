/** What the module is made of: no managed objects, no imports but memory and abort, compiled once. */
import { readFileSync } from 'node:fs';
import { test } from 'tap';
import { coreModule } from '../lib/core-instance.js';

void test('the module imports memory and abort, and exports functions', (t) => {
  const imports = WebAssembly.Module.imports(coreModule()).map(({ module, name }) => `${module}.${name}`);
  t.same(imports.sort(), ['env.abort', 'env.memory']);
  const exported = WebAssembly.Module.exports(coreModule());
  for (const wanted of ['fieldsSet', 'textMerge']) t.ok(exported.some(({ name }) => name === wanted));
  t.end();
});

void test('no managed objects: neither their allocation nor a collector is compiled in', (t) => {
  const source = readFileSync(new URL('../../build/core.wat', import.meta.url), 'utf8');
  const functions = Array.from(source.matchAll(/\(func \$(\S+)/g), ([, name]) => name ?? '');
  t.ok(functions.includes('assembly/fields/set/setField'));
  t.ok(functions.includes('assembly/text/merge/merge/mergeText'));
  t.same(
    functions.filter((name) =>
      /__new|__renew|__collect|__visit|__pin|tcms|itcms|~lib\/(array|string|map|set)/.test(name),
    ),
    [],
  );
  t.end();
});

void test('it is compiled once per thread', (t) => {
  t.equal(coreModule(), coreModule());
  t.end();
});
