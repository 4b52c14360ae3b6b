import type { AcceptorMetrics } from '../../../metrics/acceptor-metrics.js';
import type { MessageType } from '../../../protocol/codes.js';
import type { Encoding } from '../../../protocol/encode.js';

/** The states in which a session is counted. */
export type CountedState = 'connecting' | 'authenticated' | 'draining';

/** Counts over all sessions: how many are open in each state, and what they are sent. */
export class SessionMeter {
  readonly #metrics: Pick<AcceptorMetrics, 'messagesSent' | 'bytesSent'>;
  readonly #open: Record<Encoding, Record<CountedState, number>> = {
    binary: { connecting: 0, authenticated: 0, draining: 0 },
    json: { connecting: 0, authenticated: 0, draining: 0 },
  };

  constructor(metrics: Pick<AcceptorMetrics, 'messagesSent' | 'bytesSent'>) {
    this.#metrics = metrics;
  }

  /** Open sessions with this encoding and state. */
  count(encoding: Encoding, state: CountedState): number {
    return this.#open[encoding][state];
  }

  /** A session has entered a state. */
  entered(encoding: Encoding, state: string): void {
    if (isCounted(state)) this.#open[encoding][state]++;
  }

  /** A session has left a state. */
  left(encoding: Encoding, state: string): void {
    if (isCounted(state)) this.#open[encoding][state]--;
  }

  /** A message was sent. @param bytes Size of one copy. @param times Number of receivers. */
  sent(type: MessageType, bytes: number, times = 1): void {
    this.#metrics.messagesSent(type).add(times);
    this.#metrics.bytesSent(type).add(bytes * times);
  }
}

function isCounted(state: string): state is CountedState {
  return state !== 'closed';
}
