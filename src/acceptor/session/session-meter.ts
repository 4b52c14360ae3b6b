import type { AcceptorMetrics } from '../../metrics/acceptor-metrics.js';
import type { MessageType } from '../../protocol/codes.js';
import type { Encoding } from '../../protocol/encode.js';

/** The states in which a session is counted. */
export type CountedState = 'connecting' | 'authenticated' | 'draining';

/** What all sessions count in together: where they are, and what they are sent. */
export class SessionMeter {
  readonly #metrics: Pick<AcceptorMetrics, 'messagesSent' | 'bytesSent'>;
  readonly #open: Record<Encoding, Record<CountedState, number>> = {
    binary: { connecting: 0, authenticated: 0, draining: 0 },
    json: { connecting: 0, authenticated: 0, draining: 0 },
  };

  constructor(metrics: Pick<AcceptorMetrics, 'messagesSent' | 'bytesSent'>) {
    this.#metrics = metrics;
  }

  /** Sessions of this kind that are open. */
  count(encoding: Encoding, state: CountedState): number {
    return this.#open[encoding][state];
  }

  entered(encoding: Encoding, state: string): void {
    if (isCounted(state)) this.#open[encoding][state]++;
  }

  left(encoding: Encoding, state: string): void {
    if (isCounted(state)) this.#open[encoding][state]--;
  }

  /** @param times How many sessions got it. */
  sent(type: MessageType, bytes: number, times = 1): void {
    this.#metrics.messagesSent(type).add(times);
    this.#metrics.bytesSent(type).add(bytes * times);
  }
}

function isCounted(state: string): state is CountedState {
  return state !== 'closed';
}
