/** The frames that subscribers of a document's awareness receive. */
import { encodeFrame, quote, type Body, type Encoding } from '../../protocol/encode.js';
import type { MessageType } from '../../protocol/codes.js';
import type { DocumentAwareness, Shown } from './document-awareness.js';
import type { SessionMeter } from '../session/limits/session-meter.js';

export interface AwarenessFramesOptions {
  /** Sends a frame to all subscribers of a native topic. */
  readonly publish: (topic: string, frame: Uint8Array<ArrayBuffer>, isBinary: boolean) => void;
  readonly meter: SessionMeter;
}

const topics: Readonly<Record<Encoding, string>> = { binary: 'ab:', json: 'aj:' };

/** The native topic of a document's awareness. */
export function awarenessTopic(encoding: Encoding, documentId: string): string {
  return topics[encoding] + documentId;
}

/** The `states` of an `awareness_state`, as JSON text. */
function statesOf(document: DocumentAwareness): string {
  const states = Array.from(document.owners(), ([clientId, { state, clock }]) => {
    return `{"clientId":${quote(clientId)},"state":${state},"clock":${clock}}`;
  });
  return `[${states.join(',')}]`;
}

/** Publishes changes, as one frame for each encoding that has subscribers. */
export class AwarenessFrames {
  readonly #options: AwarenessFramesOptions;
  /** Message ids that were given. */
  #ids = 0;

  constructor(options: AwarenessFramesOptions) {
    this.#options = options;
  }

  /**
   * The `awareness_state` of a document, for every session with this encoding. It is made once for all who subscribe
   * before a state changes.
   */
  stateFrame(document: DocumentAwareness, encoding: Encoding): Uint8Array<ArrayBuffer> {
    return (document.stateFrames[encoding] ??= encodeFrame(
      'awareness_state',
      `"id":"${this.#nextId()}","documentId":"${document.documentId}","states":${statesOf(document)}`,
      Date.now(),
      encoding,
    ));
  }

  /**
   * Publishes the current state of a client. Subscribers ignore a state whose clock is not larger than that of the
   * former one; before such a state, the client is published as having left.
   *
   * @param before What subscribers saw until now.
   * @param leftAt The clock that the client left with, if it did.
   */
  publishChange(document: DocumentAwareness, clientId: string, before: Shown | undefined, leftAt = 0): void {
    document.stateFrames = {};
    const after = document.ownerOf(clientId);
    if (before?.state === after?.state && before?.clock === after?.clock) return;
    if (before !== undefined && (after === undefined || after.clock <= before.clock)) {
      this.#publish(document, clientId, 'null', Math.max(before.clock, leftAt));
    }
    if (after !== undefined) this.#publish(document, clientId, after.state, after.clock);
  }

  #publish({ documentId, subscribers }: DocumentAwareness, clientId: string, state: string, clock: number): void {
    if (subscribers.binary === 0 && subscribers.json === 0) return;
    const id = this.#nextId();
    const body: Body = `"id":"${id}","documentId":"${documentId}","clientId":${quote(clientId)},"state":${state},"clock":${clock}`;
    const type: MessageType = 'awareness_update';
    const now = Date.now();
    for (const encoding of ['binary', 'json'] as const) {
      if (subscribers[encoding] === 0) continue;
      const frame = encodeFrame(type, body, now, encoding);
      this.#options.publish(awarenessTopic(encoding, documentId), frame, encoding === 'binary');
      this.#options.meter.sent(type, frame.length, subscribers[encoding]);
    }
  }

  #nextId(): string {
    return `a${(this.#ids++).toString(36)}`;
  }
}
