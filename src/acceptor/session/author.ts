import { anonymousIdentity } from '../../auth/identity.js';
import type { Session } from './session.js';

/** Characters of a user's id in a history. */
const MAX_LENGTH = 256;

/** Who writes in a session, as histories have it: any storage takes it. Undefined for somebody who did not sign in. */
export function authorOf({ state, userId }: Session): string | undefined {
  if (state.kind !== 'authenticated' || state.identity === anonymousIdentity) return undefined;
  return userId?.slice(0, MAX_LENGTH).replaceAll('\0', '').toWellFormed();
}
