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
  t.end();
});

test('a star at the end of an item stands for every way to go on', (t) => {
  const lists = { canRead: ['team-1:*', 'exact'], canWrite: ['team-1:drafts:*'], canAdmin: ['t*', 'team-1:*'] };
  t.equal(rights(lists, 'team-1:plan'), 'r-a');
  t.equal(rights(lists, 'team-1:drafts:x'), 'rwa');
  t.equal(rights(lists, 'team-1:'), 'r-a', 'nothing is a way to go on too');
  t.equal(rights(lists, 'team-1'), '--a');
  t.equal(rights(lists, 'team-10:plan'), '--a');
  t.equal(rights(lists, 'exact'), 'r--');
  t.equal(rights(lists, 'exactly'), '---');
  t.equal(rights(lists, 'x'), '---');
  t.end();
});

test('what an item denies is not allowed, wherever it stands and whatever allows it', (t) => {
  const list = ['*', '!hr:*', 'hr:handbook', '!plan'];
  for (const order of [list, [...list].reverse()]) {
    t.equal(rights({ canRead: order }, 'notes'), 'r--');
    t.equal(rights({ canRead: order }, 'hr:pay'), '---');
    t.equal(rights({ canRead: order }, 'hr:handbook'), '---');
    t.equal(rights({ canRead: order }, 'plan'), '---');
    t.equal(rights({ canRead: order }, 'plans'), 'r--');
  }
  t.equal(rights({ canRead: ['*', '!d'], canWrite: ['*'] }, 'd'), '-w-', 'each list denies for itself');
  t.equal(rights({ canRead: ['!d'], canWrite: ['!*', '*'] }, 'other'), '---', 'a denial grants nothing');
  t.equal(rights({ canWrite: ['!hr:*'], isAdmin: true }, 'hr:pay'), 'r-a', 'for administrators too');
  t.equal(rights({ canWrite: ['!hr:*'], isAdmin: true }, 'notes'), 'rwa');
  t.end();
});

test('an item that is no pattern grants nothing, and one that denies is refused', (t) => {
  for (const item of [
    '',
    '**',
    '*a',
    'a*b',
    'a**',
    'ä*',
    ' *',
    '* ',
    'a b',
    '.*',
    '[a-z]*',
    '__proto__*x',
    'x'.repeat(300),
  ]) {
    t.equal(rights({ canRead: [item], canWrite: [item] }, 'ab'), '---', item);
    t.equal(permissionsSchema.safeParse({ canRead: [`!${item}`] }).success, false, `!${item}`);
  }
  t.equal(permissionsSchema.safeParse({ canRead: ['!!a'] }).success, false);
  t.equal(rights({ canRead: ['__proto__', 'constructor*'] }, 'toString'), '---');
  t.equal(rights({ canRead: ['__proto__', 'constructor*'] }, '__proto__'), 'r--');
  t.equal(rights({ canRead: ['__proto__', 'constructor*'] }, 'constructor:1'), 'r--');
  t.end();
});

test('lists of thousands of patterns are tested by their lengths, not one by one', (t) => {
  const canRead = Array.from({ length: 10_000 }, (_, i) => `team-${i}:*`);
  t.equal(rights({ canRead }, 'team-9999:x'), 'r--');
  t.equal(rights({ canRead }, 'team-10000:x'), '---');
  t.equal(permissionsSchema.safeParse({ canRead: [...canRead, 'one-more'] }).success, false);
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
