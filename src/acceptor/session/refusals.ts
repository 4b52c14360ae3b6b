import { closeCodes, errors, LimitError, ProtocolError } from '../../errors.js';
import type { SampledLog } from '../../log.js';
import type { AcceptorMetrics } from '../../metrics/acceptor-metrics.js';
import { errorBody, type ErrorDetails } from '../../protocol/encode.js';
import type { Charges, Misuse } from './limits/charges.js';
import type { Session } from './session.js';

export interface RefusalsOptions {
  readonly metrics: AcceptorMetrics;
  readonly charges: Charges;
  readonly log: SampledLog;
}

/** The reasons in the close frames. */
const sentences: Readonly<Record<Misuse, string>> = {
  unauthenticated: errors.AUTH_REQUIRED.sentence,
  refusals: 'Too many messages were refused',
};

/** Answers messages that are refused, and disconnects those who send too many of them. */
export class Refusals {
  readonly #options: RefusalsOptions;

  constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  refuse(session: Session, error: ProtocolError, details: ErrorDetails): void {
    const { metrics, charges } = this.#options;
    metrics.errors(error.code).add(1);
    const retryAfterMs = error instanceof LimitError ? error.retryAfterMs : undefined;
    if (error instanceof LimitError) metrics.limitRejections(error.limit).add(1);
    session.reply('error', errorBody('error', error.code, { ...details, retryAfterMs }, error.message));
    if (!charges.refused(session, error, performance.now())) this.disconnect(session, 'refusals');
  }

  disconnect(session: Session, misuse: Misuse): void {
    const { metrics, log } = this.#options;
    metrics.misuses(misuse).add(1);
    log.sampled('info', { session: session.number, address: session.address, misuse }, 'a client is disconnected');
    session.end(closeCodes.policy, sentences[misuse], true);
  }
}
