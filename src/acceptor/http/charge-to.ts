import type { AcceptorMetrics } from '../../metrics/acceptor-metrics.js';
import type { ClientType } from '../../protocol/codes.js';
import type { Charges } from '../session/limits/charges.js';
import type { HttpSession } from './http-session.js';

export interface ChargeOptions {
  readonly charges: Charges;
  readonly metrics: AcceptorMetrics;
}

/** Charges a session for a request. @throws LimitError */
export function chargeTo(
  session: HttpSession,
  type: ClientType,
  bytes: number,
  { charges, metrics }: ChargeOptions,
): void {
  metrics.messagesReceived(type).add(1);
  metrics.bytesReceived(type).add(bytes);
  const overLimit = charges.charge(session, type, bytes, performance.now());
  if (overLimit === undefined) return;
  metrics.limitRejections(overLimit.limit).add(1);
  throw overLimit;
}
