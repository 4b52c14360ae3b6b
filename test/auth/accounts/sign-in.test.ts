/** Sign-ins while the password is changed, or the account disabled; and guesses from many addresses of one network. */
import { pino } from 'pino';
import { test, type Test } from 'tap';
import { customerOf } from '../../../src/acceptor/addresses/spelling.js';
import { Accounts } from '../../../src/auth/accounts/accounts.js';
import { Directory } from '../../../src/auth/accounts/directory.js';
import type { PasswordPool } from '../../../src/auth/accounts/password-pool.js';
import { SignIn } from '../../../src/auth/accounts/sign-in.js';
import { perAddress, SignInThrottle } from '../../../src/auth/accounts/throttle.js';
import { AuditLog } from '../../../src/auth/audit.js';
import { noPermissions } from '../../../src/auth/permissions.js';
import { defaultRules } from '../../../src/auth/tokens/claims.js';
import { MemorySharedState } from '../../../src/cluster/memory/shared-state.js';
import { openMemoryAccounts } from '../../../src/storage/accounts/memory.js';
import { secret } from '../../support/nodes/fixture.js';

const log = pino({ level: 'silent' });
const origin = { address: '192.0.2.1', requestId: 'test' };
const lifetimeMs = 3_600_000;

/** A server's sign-in, in which a hash is the password itself. */
async function world(t: Test) {
  const store = openMemoryAccounts();
  const directory = new Directory({
    pollMs: lifetimeMs,
    log,
    onChanged: () => undefined,
    onPollFailed: () => undefined,
  });
  await directory.start(store);
  t.teardown(() => directory.close());
  const accounts = new Accounts({ store, hash: (password) => password, maxKeys: 1, maxRevocations: 100 });
  /** Happens while a password is being checked. */
  let meanwhile: () => Promise<unknown> = () => Promise.resolve();
  const passwords: Pick<PasswordPool, 'check' | 'hash' | 'cost'> = {
    cost: { cost: 10, parallelism: 1 },
    hash: (password) => Promise.resolve(password),
    check: async (password, stored) => {
      const happens = meanwhile;
      meanwhile = () => Promise.resolve();
      await happens();
      return password === stored;
    },
  };
  const signIn = new SignIn({
    ...{ store, directory, passwords: passwords as PasswordPool, secret, rules: defaultRules, graceMs: 0 },
    throttle: new SignInThrottle(new MemorySharedState(), customerOf),
    audit: new AuditLog(log, undefined),
    accessLifetimeMs: lifetimeMs,
    refreshLifetimeMs: lifetimeMs,
  });
  await accounts.add('ann@example.com', 'old password', noPermissions);
  return { signIn, accounts, during: (what: () => Promise<unknown>) => (meanwhile = what) };
}

test('a sign-in that began before the password was changed, or the account disabled, does not outlive that', async (t) => {
  for (const change of ['password', 'disabled', 'removed'] as const) {
    const { signIn, accounts, during } = await world(t);
    during(() => {
      if (change === 'password') return accounts.setPassword('ann@example.com', 'new password');
      return change === 'disabled' ? accounts.setDisabled('ann@example.com', true) : accounts.remove('ann@example.com');
    });
    t.same(await signIn.signIn('ann@example.com', 'old password', origin), { kind: 'refused' }, change);
  }
});

test('the same password in another hash is no change', async (t) => {
  const { signIn, accounts, during } = await world(t);
  during(() => accounts.setPermissions('ann@example.com', { ...noPermissions, canRead: ['d'] }));
  const result = await signIn.signIn('ann@example.com', 'old password', origin);
  t.match(result, { kind: 'signedIn', signedIn: { permissions: { canRead: ['d'] } } }, 'what counts now');
});

test('guesses from all addresses of an IPv6 network count together', async (t) => {
  const { signIn } = await world(t);
  const kinds: string[] = [];
  for (let i = 0; i <= perAddress.free + 1; i++) {
    const address = `2001:db8:0:1:0:0:0:${i.toString(16)}`;
    kinds.push((await signIn.signIn(`user-${i}@example.com`, 'guess', { ...origin, address })).kind);
  }
  t.equal(kinds[0], 'refused');
  t.equal(kinds.at(-1), 'throttled');
  const other = { ...origin, address: '2001:db8:0:2:0:0:0:1' };
  t.equal((await signIn.signIn('other@example.com', 'guess', other)).kind, 'refused', 'another network');
});
