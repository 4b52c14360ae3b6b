import { anonymousIdentity } from '../../auth/identity.js';
import type { KeepsHistory } from '../../messages/history.js';
import type { Session } from './session.js';

/** Characters of a user's id in a history. */
const MAX_LENGTH = 256;

/**
 * Who writes in a session, for a record of a document with history; undefined for other documents. The id is as any storage
 * takes it, and undefined for somebody who did not sign in.
 */
export function authorOf(
  { state, userId }: Session,
  documentId: string,
  keepsHistory: KeepsHistory,
): { readonly userId: string | undefined } | undefined {
  if (keepsHistory === undefined || !keepsHistory(documentId)) return undefined;
  const isKnown = state.kind === 'authenticated' && state.identity !== anonymousIdentity;
  return { userId: isKnown ? userId?.slice(0, MAX_LENGTH).replaceAll('\0', '').toWellFormed() : undefined };
}
