/** Sessions are decided about anew without holding up the node, and in the order of the changes. */
import { test } from 'tap';
import type { LiveIdentity } from '../../src/acceptor/session/live-identities.js';
import type { Changed } from '../../src/auth/accounts/directory.js';
import type { Identity, Verified } from '../../src/auth/identity.js';
import { Recheck } from '../../src/node/recheck.js';
import type { Account } from '../../src/storage/accounts/port.js';

const SESSIONS = 2_000;
/** More than may be looked at between two turns of the event loop. */
const TOO_MANY = 500;
const permissions = { canRead: [], canWrite: [], isAdmin: false };
const refused: Verified = { ok: false, code: 'ACCESS_ENDED' };

const identityOf = (accountId: string): Identity => ({
  userId: accountId,
  permissions,
  basis: { kind: 'account', tokenId: accountId, issuedAt: 0, accountId, familyId: accountId },
});
const change = (fields: Partial<Changed> = {}): Changed => ({
  accounts: new Map(),
  isAll: false,
  access: [],
  ...fields,
});

/** Sessions that note what is settled about them, in order. */
function world(): { readonly settled: Map<string, Verified[]>; readonly sessions: () => Iterable<LiveIdentity> } {
  const settled = new Map(Array.from({ length: SESSIONS }, (_, i): [string, Verified[]] => [`user ${i}`, []]));
  const sessions = function* (): Iterable<LiveIdentity> {
    for (const [id, verdicts] of settled) {
      yield { identity: identityOf(id), settle: (verdict) => verdicts.push(verdict) };
    }
  };
  return { settled, sessions };
}

void test('the node goes on between the sessions, and a later change comes after an earlier one', async (t) => {
  const { settled, sessions } = world();
  let sinceTurn = 0;
  let most = 0;
  let isOver = false;
  const turn = (): void => {
    sinceTurn = 0;
    if (!isOver) setImmediate(turn);
  };
  turn();
  const recheck = new Recheck({
    sessions,
    account: (id) => Promise.resolve({ id } as Account),
    recheck: ({ basis }, { accounts, isAll }) => {
      most = Math.max(most, ++sinceTurn);
      const id = basis?.kind === 'account' ? basis.accountId : '';
      if (isAll) return { ok: true, identity: identityOf(accounts.get(id)?.id ?? 'nobody') };
      return refused;
    },
  });
  await Promise.all([recheck.check(change({ isAll: true })), recheck.check(change())]);
  isOver = true;
  t.ok(most < TOO_MANY, `${most} in one turn`);
  t.same(
    [...settled.values()].map((verdicts) => verdicts.length),
    Array(SESSIONS).fill(2),
  );
  t.same(settled.get('user 7'), [{ ok: true, identity: identityOf('user 7') }, refused]);
});

void test('a check that fails does not keep the next one from its work', async (t) => {
  const { settled, sessions } = world();
  const recheck = new Recheck({
    sessions,
    account: () => Promise.reject(new Error('no storage')),
    recheck: () => refused,
  });
  const failed = recheck.check(change({ isAll: true }));
  const next = recheck.check(change());
  await t.rejects(failed, { message: 'no storage' });
  await next;
  t.same(settled.get('user 0'), [refused]);
});
