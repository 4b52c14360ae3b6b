import type { AcceptorMetrics } from '../../../metrics/acceptor-metrics.js';
import { errorBody } from '../../../protocol/encode.js';
import type { Session } from '../session.js';

/** Refuses what a session asked for while it still might read it. */
export function cancelReads(
  session: Session,
  mayRead: (documentId: string) => boolean,
  metrics: Pick<AcceptorMetrics, 'errors'>,
): void {
  for (const { documentId, requestId } of session.reads?.cancel(mayRead) ?? []) {
    metrics.errors('PERMISSION_DENIED').add(1);
    session.reply('error', errorBody('error', 'PERMISSION_DENIED', { documentId, messageId: requestId }));
  }
  if (session.reads?.isIdle === true) session.reads = undefined;
}
