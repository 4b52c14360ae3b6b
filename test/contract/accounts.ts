/** What every store of accounts promises; each adapter runs this suite. */
import t, { type Test as Tap } from 'tap';
import type { Account, AccountStore, ApiKey, Change, RefreshToken } from '../../src/storage/accounts/port.js';

const permissions = { canRead: ['team-1:*'], canWrite: ['a'], isAdmin: false };
const now = Date.now();
const day = 86_400_000;

function accountOf(name: string): Account {
  const email = `${name}@example.com`;
  return { id: `u-${name}`, email, passwordHash: 'h', isDisabled: false, permissions, createdAt: now };
}

function keyOf(id: string): ApiKey {
  return { id, name: 'ci', hash: 'h', permissions, createdAt: now, expiresAt: undefined, revokedAt: undefined };
}

function tokenOf(id: string, more: Partial<RefreshToken> = {}): RefreshToken {
  return {
    id,
    familyId: 'f',
    accountId: 'u-ann',
    hash: `hash of ${id}`,
    createdAt: now,
    expiresAt: now + day,
    usedAt: undefined,
    ...more,
  };
}

/** @param open Opens a new, empty store twice, as two processes do; they are closed by the suite. */
export function accountsContract(name: string, open: (t: Tap) => Promise<readonly [AccountStore, AccountStore]>): void {
  const test = (title: string, run: (t: Tap, a: AccountStore, b: AccountStore) => Promise<void>): void => {
    void t.test(`${name}: ${title}`, async (t) => {
      const stores = await open(t);
      t.teardown(async () => {
        for (const store of new Set(stores)) await store.close();
      });
      await run(t, ...stores);
    });
  };

  const rotate = (store: AccountStore, id: string, next: string, at = now) =>
    store.rotate({
      id,
      hash: `hash of ${id}`,
      now: at,
      graceMs: 10_000,
      next: { id: next, hash: `hash of ${next}`, expiresAt: at + day },
      accessEndsAt: at + 1_000,
    });

  test('accounts are found by id and email, listed in order, changed and removed', async (t, a, b) => {
    for (const who of ['cid', 'ann', 'bob']) t.equal(await a.addAccount(accountOf(who)), true);
    t.equal(await b.addAccount({ ...accountOf('ann'), id: 'other' }), false, 'the email is taken');
    t.equal(await b.addAccount({ ...accountOf('ann'), email: 'other@example.com' }), false, 'the id is taken');
    t.same(await b.accountByEmail('ann@example.com'), accountOf('ann'));
    t.same(await b.accountById('u-ann'), accountOf('ann'));
    t.equal(await b.accountById('u-eve'), undefined);
    t.equal(await b.accountByEmail('eve@example.com'), undefined);
    t.same(
      (await b.listAccounts('', 2)).map(({ id }) => id),
      ['u-ann', 'u-bob'],
    );
    t.same(
      (await b.listAccounts('bob@example.com', 2)).map(({ id }) => id),
      ['u-cid'],
    );
    const changed = await a.changeAccount('u-ann', (account) => ({
      isDisabled: true,
      permissions: { ...account.permissions, canAdmin: ['x'] },
    }));
    t.same(changed, { ...accountOf('ann'), isDisabled: true, permissions: { ...permissions, canAdmin: ['x'] } });
    t.same(await b.accountById('u-ann'), changed);
    t.equal(await a.changeAccount('u-eve', () => ({})), undefined);
    t.equal(await a.removeAccount('u-ann'), true);
    t.equal(await a.removeAccount('u-ann'), false);
    t.equal(await b.accountByEmail('ann@example.com'), undefined);
    t.equal(await b.addAccount(accountOf('ann')), true, 'the email is free again');
  });

  test('keys are added up to a number, listed and revoked', async (t, a, b) => {
    const expiring = { ...keyOf('k2'), expiresAt: now + day };
    t.equal(await a.addKey(keyOf('k1'), 2), true);
    t.equal(await a.addKey(expiring, 2), true);
    t.equal(await a.addKey(keyOf('k3'), 2), false);
    t.same(await b.listKeys(), [keyOf('k1'), expiring]);
    t.equal(await a.revokeKey('k1', now + 5), true);
    t.equal(await a.revokeKey('k1', now + 9), true);
    t.equal(await a.revokeKey('k9', now), false);
    t.same(await b.listKeys(), [{ ...keyOf('k1'), revokedAt: now + 5 }, expiring]);
  });

  test('a refresh token is replaced when it is used, and good for a while after that', async (t, a, b) => {
    await a.addAccount(accountOf('ann'));
    await a.addRefreshToken(tokenOf('t1'));
    t.same(await rotate(b, 't1', 't2'), { kind: 'rotated', accountId: 'u-ann', familyId: 'f' });
    t.match(await rotate(a, 't1', 't3', now + 9_000), { kind: 'rotated' }, 'another tab');
    t.match(await rotate(a, 't2', 't4', now + 60_000), { kind: 'rotated' });
    t.match(await rotate(a, 't1', 't5', now + 11_000), { kind: 'reused', accountId: 'u-ann', familyId: 'f' });
    for (const id of ['t1', 't2', 't3', 't4', 't5']) t.same(await rotate(b, id, 'x'), { kind: 'unknown' }, id);
    t.same(await b.listRevocations(), [{ kind: 'family', id: 'f', at: now + 11_000, expiresAt: now + 12_000 }]);
  });

  test('a token of another secret, an expired one, or one of a removed account is unknown', async (t, a) => {
    await a.addAccount(accountOf('ann'));
    await a.addRefreshToken(tokenOf('t1', { hash: 'another' }));
    await a.addRefreshToken(tokenOf('t2', { familyId: 'g', expiresAt: now }));
    await a.addRefreshToken(tokenOf('t3', { familyId: 'h' }));
    t.same(await rotate(a, 't1', 'x'), { kind: 'unknown' });
    t.same(await rotate(a, 't2', 'x'), { kind: 'unknown' });
    await a.removeAccount('u-ann');
    t.same(await rotate(a, 't3', 'x'), { kind: 'unknown' });
  });

  test('all sign-ins of an account can be ended', async (t, a, b) => {
    await a.addAccount(accountOf('ann'));
    await a.addAccount(accountOf('bob'));
    await a.addRefreshToken(tokenOf('t1'));
    await a.addRefreshToken(tokenOf('t2', { familyId: 'g' }));
    await a.addRefreshToken(tokenOf('t3', { familyId: 'h', accountId: 'u-bob' }));
    await b.removeRefreshTokens('u-ann');
    for (const id of ['t1', 't2']) t.same(await rotate(a, id, 'x'), { kind: 'unknown' });
    t.match(await rotate(a, 't3', 'x'), { kind: 'rotated' });
  });

  test('two uses at once are two tabs', async (t, a, b) => {
    await a.addAccount(accountOf('ann'));
    await a.addRefreshToken(tokenOf('t1'));
    const both = await Promise.all([rotate(a, 't1', 't2'), rotate(b, 't1', 't3')]);
    t.match(both, [{ kind: 'rotated' }, { kind: 'rotated' }]);
  });

  test('signing out ends the family', async (t, a, b) => {
    await a.addAccount(accountOf('ann'));
    await a.addRefreshToken(tokenOf('t1'));
    await rotate(a, 't1', 't2');
    t.equal(await a.endFamily('t2', 'another', now, now + 1), undefined);
    t.match(await a.endFamily('t2', 'hash of t2', now, now + 1), { accountId: 'u-ann', familyId: 'f' });
    t.same(await rotate(b, 't2', 'x'), { kind: 'unknown' });
    t.match(await b.listRevocations(), [{ kind: 'family', id: 'f' }]);
  });

  test('every change is listed once, in order, for everybody', async (t, a, b) => {
    const start = await a.lastChange();
    t.same(await a.changesSince(start), { changes: [], last: start, isComplete: true });
    await a.addAccount(accountOf('ann'));
    await b.addKey(keyOf('k1'), 9);
    await b.revoke({ kind: 'user', id: 'x', at: now, expiresAt: undefined }, 9);
    await b.revoke({ kind: 'user', id: 'x', at: now + 1, expiresAt: now + day }, 9);
    await a.changeAccount('u-ann', () => ({ isDisabled: true }));
    await a.revokeKey('k1', now);
    await a.removeAccount('u-ann');
    await b.noteChange('access', '{"userId":"ann"}');
    const expected = ['account:u-ann', 'key:k1', 'revocation:user:x', 'revocation:user:x'];
    expected.push('account:u-ann', 'key:k1', 'account:u-ann', 'access:{"userId":"ann"}');
    for (const store of [a, b]) {
      const { changes, last, isComplete } = await store.changesSince(start);
      t.same([last, isComplete], [start + 8, true]);
      t.same(
        changes.map(({ kind, id }) => `${kind}:${id}`),
        expected,
      );
      t.same(
        changes.map(({ number }) => number - start),
        [1, 2, 3, 4, 5, 6, 7, 8],
      );
      t.equal(await store.lastChange(), start + 8);
      t.equal((await store.changesSince(start + 6)).changes.length, 2);
    }
    t.same(await b.listRevocations(), [{ kind: 'user', id: 'x', at: now + 1, expiresAt: now + day }]);
    t.same(await b.findRevocations(['user:x', 'token:x', 'user:y']), await b.listRevocations());
    t.equal(await a.revoke({ kind: 'token', id: 'y', at: now, expiresAt: undefined }, 1), false, 'full');
    await a.sweep(Date.now() + day, 0);
    const gone = { changes: [], last: start + 8, isComplete: false };
    t.same(await a.changesSince(start), gone, 'who was away for too long reads everything');
    t.same(await a.changesSince(start + 8), { ...gone, isComplete: true });
    await b.noteChange('order', 'new');
    const { changes, isComplete } = await a.changesSince(start);
    t.same([changes.map(({ id }) => id), isComplete], [['new'], false], 'and is told what is listed');
  });

  test('nothing that is listed is missed while others change something', async (t, a, b) => {
    const seen: Change[] = [];
    const start = await a.lastChange();
    let number = start;
    const write = async (): Promise<void> => {
      for (let i = 0; i < 200; i++) await b.noteChange('order', String(i));
    };
    const written = write();
    while (seen.length < 200) {
      await new Promise((resolve) => setImmediate(resolve));
      const { changes, last, isComplete } = await a.changesSince(number);
      if (!isComplete) throw new Error(`the changes after ${number} count as missing, the last one is ${last}`);
      seen.push(...changes);
      number = last;
    }
    await written;
    t.same(
      seen.map(({ id }) => id),
      Array.from({ length: 200 }, (_, i) => String(i)),
    );
  });

  test('many changes at once get different numbers', async (t, a, b) => {
    const start = await a.lastChange();
    const names = Array.from({ length: 20 }, (_, i) => `user-${i}`);
    await Promise.all(names.map((who, i) => (i % 2 === 0 ? a : b).addAccount(accountOf(who))));
    const { changes } = await b.changesSince(start);
    t.same(
      changes.map(({ number }) => number - start),
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
    t.same(changes.map(({ id }) => id).sort(), names.map((who) => `u-${who}`).sort());
  });

  test('what has ended is swept', async (t, a) => {
    await a.addAccount(accountOf('ann'));
    await a.addRefreshToken(tokenOf('t1', { expiresAt: now + 10 }));
    await a.addRefreshToken(tokenOf('t2', { expiresAt: now + day }));
    await a.revoke({ kind: 'token', id: 'x', at: now, expiresAt: now + 10 }, 9);
    await a.revoke({ kind: 'user', id: 'y', at: now, expiresAt: undefined }, 9);
    await a.addAudit([{ at: now, event: 'sign_in', details: '{"actor":"ann"}' }]);
    await a.sweep(now + 10, now + 1);
    t.match(await a.listRevocations(), [{ kind: 'user', id: 'y' }]);
    t.same(await rotate(a, 't1', 'x', now), { kind: 'unknown' });
    t.match(await rotate(a, 't2', 't3', now), { kind: 'rotated' });
  });
}
