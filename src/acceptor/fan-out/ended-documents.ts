import type { AcceptorMetrics } from '../../metrics/acceptor-metrics.js';
import { variants } from '../../messages/task.js';
import { encodeFrame, errorBody, type Encoding } from '../../protocol/encode.js';
import type { Publish } from '../apps.js';
import { topicOf } from './topic-names.js';
import type { Topics } from './topics.js';
import type { Session } from '../session/session.js';

export interface EndedDocumentsOptions {
  readonly publish: Publish;
  readonly topics: Topics;
  /** All that are open, live: those that are added while iterating come last. */
  readonly sessions: () => Iterator<Session>;
  readonly metrics: Pick<AcceptorMetrics, 'errors'>;
}

/** Sessions looked at in one turn of the event loop. */
const PORTION = 1_000;

/**
 * Documents that are deleted or erased: their subscribers get one error, and no updates any more, also when the document
 * is restored.
 */
export class EndedDocuments {
  readonly #options: EndedDocumentsOptions;

  constructor(options: EndedDocumentsOptions) {
    this.#options = options;
  }

  end(documentId: string): void {
    const { topics, publish, sessions, metrics } = this.#options;
    if (topics.subscribersOf(documentId) === 0) return;
    metrics.errors('DOCUMENT_DELETED').add(1);
    const body = errorBody('error', 'DOCUMENT_DELETED', { documentId });
    const frame = (encoding: Encoding): Uint8Array<ArrayBuffer> => encodeFrame('error', body, Date.now(), encoding);
    const json = frame('json');
    // One call for all of each encoding; their subscriptions end one by one.
    publish(topicOf(documentId, variants.binaryAny), frame('binary'), true, false, undefined);
    publish(topicOf(documentId, variants.jsonAny), json, false, false, undefined);
    this.#leave(documentId, sessions(), topics.lastSubscription, json);
  }

  /** @param last Number of the last subscription that ends: later ones are to what is restored, or begun anew. */
  #leave(documentId: string, sessions: Iterator<Session>, last: number, frame: Uint8Array): void {
    const { topics } = this.#options;
    for (let i = 0; i < PORTION; i++) {
      const next = sessions.next();
      if (next.done === true) return;
      const session = next.value;
      const held = session.subscriptions.get(documentId);
      // One that waits for an answer is told by that.
      if (held === undefined || held.joined === 0 || held.number > last) continue;
      topics.unsubscribe(session, documentId);
      // Streams of events are in no topic of uWS.
      if (session.isEventStream) session.send(frame, 'error', 'json');
    }
    setImmediate(() => {
      this.#leave(documentId, sessions, last, frame);
    });
  }
}
