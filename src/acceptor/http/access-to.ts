import type { Access } from '../../auth/permissions.js';
import { ProtocolError } from '../../errors.js';
import type { HttpSession } from './http-session.js';

/** What a session may do, once it is known for this document. @throws ProtocolError */
export async function accessTo(session: HttpSession, documentId: string): Promise<Access> {
  await accessOf(session).prepare?.(documentId);
  // Meanwhile it may have ended, or may do less.
  const access = accessOf(session);
  if (access.prepare !== undefined && access.isKnown?.(documentId) === false) {
    throw new ProtocolError('AUTH_UNAVAILABLE');
  }
  return access;
}

function accessOf({ state, ending }: HttpSession): Access {
  if (ending !== undefined || state.kind !== 'authenticated') throw new ProtocolError(ending ?? 'SHUTTING_DOWN');
  return state.access;
}
