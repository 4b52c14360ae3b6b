import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { typeCodes } from '../src/protocol/codes.js';
import { packageFolder } from '../src/version.js';

test('the scripts of k6, which can’t import from here, name message types by the same codes', async (t) => {
  const source = await readFile(join(packageFolder, 'k6/lib/protocol.js'), 'utf8');
  // Its own imports exist in k6 only.
  const module = source.replaceAll(/^import .*$/gm, '');
  const { types } = (await import(`data:text/javascript,${encodeURIComponent(module)}`)) as { types: object };
  const known: Readonly<Record<string, number>> = typeCodes;
  const named = Object.entries(types);
  t.ok(named.length > 0);
  for (const [name, code] of named) t.equal(code, known[name], name);
});
