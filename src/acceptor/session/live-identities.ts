import type { Identity, Verified } from '../../auth/identity.js';
import type { Authentication } from './authentication.js';
import type { Session } from './session.js';

/** Who an open session belongs to. */
export interface LiveIdentity {
  readonly identity: Identity;
  /** Ends the session, or gives it other permissions. */
  readonly settle: (verdict: Verified) => void;
}

/** The identities of those sessions that are authenticated. */
export function* liveIdentities(
  sessions: readonly Session[],
  authentication: Pick<Authentication, 'settle'>,
): Iterable<LiveIdentity> {
  for (const session of sessions) {
    const { state } = session;
    if (state.kind !== 'authenticated') continue;
    const settle = (verdict: Verified): void => {
      authentication.settle(session, verdict);
    };
    yield { identity: state.identity, settle };
  }
}
