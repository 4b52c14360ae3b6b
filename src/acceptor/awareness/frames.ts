/** What the followers of a document's awareness are told. */
import { encodeFrame, quote, type Body, type Encoding } from '../../protocol/encode.js';
import type { MessageType } from '../../protocol/codes.js';
import type { DocumentAwareness, Shown } from './document-awareness.js';
import type { SessionMeter } from '../session/session-meter.js';

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
export function statesOf(document: DocumentAwareness): string {
  const states = Array.from(document.owners(), ([clientId, { state, clock }]) => {
    return `{"clientId":${quote(clientId)},"state":${state},"clock":${clock}}`;
  });
  return `[${states.join(',')}]`;
}

export class AwarenessFrames {
  readonly #options: AwarenessFramesOptions;
  #ids = 0;

  constructor(options: AwarenessFramesOptions) {
    this.#options = options;
  }

  /**
   * Tells the followers what is seen of a client now. Who goes by clocks would ignore what has no larger one than what
   * was seen before, so that leaves first.
   *
   * @param before What was seen of it.
   * @param leftAt The clock of the leaving, if it was said.
   */
  publishChange(document: DocumentAwareness, clientId: string, before: Shown | undefined, leftAt = 0): void {
    const after = document.ownerOf(clientId);
    if (before?.state === after?.state && before?.clock === after?.clock) return;
    if (before !== undefined && (after === undefined || after.clock <= before.clock)) {
      this.#relay(document, clientId, 'null', Math.max(before.clock, leftAt));
    }
    if (after !== undefined) this.#relay(document, clientId, after.state, after.clock);
  }

  #relay({ documentId, subscribers }: DocumentAwareness, clientId: string, state: string, clock: number): void {
    if (subscribers.binary === 0 && subscribers.json === 0) return;
    const id = `a${(this.#ids++).toString(36)}`;
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
}
