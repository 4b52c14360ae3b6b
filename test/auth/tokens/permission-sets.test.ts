import { test } from 'tap';
import { noPermissions } from '../../../src/auth/permissions.js';
import { readPermissions } from '../../../src/auth/tokens/claims.js';
import { PermissionSets } from '../../../src/auth/tokens/permission-sets.js';

const claims = [
  { canRead: ['a'], canWrite: ['*'], isAdmin: false },
  { canRead: ['a'], canWrite: ['!b'] },
  'read:doc write:team-1:* admin',
  ['read:doc'],
  { canRead: [`x${'y'.repeat(2_000)}`] },
];

test('permissions are read as without memory, and equal ones are one object', (t) => {
  const sets = new PermissionSets();
  for (let turn = 0; turn < 2; turn++) {
    for (const claim of claims) t.same(sets.read(claim), readPermissions(claim));
    for (const claim of [7, null, { canRead: 'a' }, { canRead: ['!no pattern'] }]) t.equal(sets.read(claim), undefined);
    t.equal(sets.read(undefined), noPermissions);
  }
  t.equal(sets.read({ ...(claims[0] as object) }), sets.read(claims[0]));
  t.not(sets.read(claims[1]), sets.read(claims[0]));
  t.equal(sets.size, 4, 'neither what is refused nor what is long');
  t.end();
});

test('the sets that are remembered are bounded', (t) => {
  const sets = new PermissionSets();
  for (let i = 0; i < 3_000; i++) t.same(sets.read([`read:${i}`])?.canRead, [`${i}`]);
  t.equal(sets.size, 1_000);
  t.end();
});
