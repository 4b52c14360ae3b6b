import { test } from 'tap';
import { compilePermissions, noPermissions, permissionsSchema } from '../../src/auth/permissions.js';

/** What may be done with a document, as letters. */
function rights(permissions: unknown, documentId: string): string {
  const access = compilePermissions(permissionsSchema.parse(permissions));
  return [
    access.mayRead(documentId) ? 'r' : '-',
    access.mayWrite(documentId) ? 'w' : '-',
    access.mayAdmin(documentId) ? 'a' : '-',
  ].join('');
}

test('what is not said is not allowed', (t) => {
  t.equal(rights({}, 'd'), '---');
  t.equal(rights(noPermissions, 'd'), '---');
  t.equal(rights({ canRead: [], canWrite: [], isAdmin: false }, 'd'), '---');
  t.end();
});

test('lists name documents exactly', (t) => {
  const lists = { canRead: ['a', 'b'], canWrite: ['b'], canAdmin: ['c'], isAdmin: false };
  t.equal(rights(lists, 'a'), 'r--');
  t.equal(rights(lists, 'b'), 'rw-');
  t.equal(rights(lists, 'c'), '--a');
  t.equal(rights(lists, 'A'), '---');
  t.equal(rights(lists, 'ab'), '---');
  t.equal(rights(lists, 'constructor'), '---');
  t.end();
});

test('writing implies nothing about reading', (t) => {
  t.equal(rights({ canWrite: ['*'] }, 'd'), '-w-');
  t.equal(rights({ canRead: ['*'] }, 'd'), 'r--');
  t.end();
});

test('a star anywhere in a list stands for all documents', (t) => {
  t.equal(rights({ canRead: ['a', '*'], canWrite: ['*'] }, 'd'), 'rw-');
  t.equal(rights({ canRead: ['a*'] }, 'ab'), '---');
  t.end();
});

test('an admin may everything', (t) => {
  t.equal(rights({ isAdmin: true }, 'd'), 'rwa');
  t.end();
});

test('wrong types are refused, unknown keys ignored', (t) => {
  for (const bad of [null, 'all', [], { canRead: '*' }, { canWrite: [1] }, { isAdmin: 'true' }, { canAdmin: {} }]) {
    t.equal(permissionsSchema.safeParse(bad).success, false, JSON.stringify(bad));
  }
  t.same(permissionsSchema.parse({ canRead: ['a'], canFly: true }), { canRead: ['a'], canWrite: [], isAdmin: false });
  t.end();
});
