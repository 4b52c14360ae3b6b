import type { Identity, Verified } from '../../auth/identity.js';
import type { Authentication } from './authentication.js';
import type { Sessions } from './sessions.js';

/** Who an open session belongs to. */
export interface LiveIdentity {
  readonly identity: Identity;
  /** Ends the session, or gives it other permissions. */
  readonly settle: (verdict: Verified) => void;
}

/** The identities of all authenticated sessions. */
export function* liveIdentities(
  sessions: Pick<Sessions, 'all'>,
  authentication: Pick<Authentication, 'settle'>,
): Iterable<LiveIdentity> {
  for (const session of sessions.all()) {
    const { state } = session;
    if (state.kind !== 'authenticated') continue;
    const settle = (verdict: Verified): void => {
      authentication.settle(session, verdict);
    };
    yield { identity: state.identity, settle };
  }
}
