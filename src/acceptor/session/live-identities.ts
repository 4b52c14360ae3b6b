import type { Identity, Verified } from '../../auth/identity.js';
import type { Authentication } from './authentication.js';
import type { Session } from './session.js';

/** Who an open session belongs to. */
export interface LiveIdentity {
  readonly identity: Identity;
  /** Ends the session, or gives it other permissions. */
  readonly settle: (verdict: Verified) => void;
}

/** The identities of those sessions that are authenticated. @param newest Later sessions have a higher number. */
export function* liveIdentities(
  sessions: Iterable<Session>,
  newest: number,
  authentication: Pick<Authentication, 'settle'>,
): Iterable<LiveIdentity> {
  for (const session of sessions) {
    const { state } = session;
    if (state.kind !== 'authenticated' || session.number > newest) continue;
    const settle = (verdict: Verified): void => {
      authentication.settle(session, verdict);
    };
    yield { identity: state.identity, settle };
  }
}
