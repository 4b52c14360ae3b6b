import type { MessageType } from '../protocol/codes.js';
import type { Encoding } from '../protocol/encode.js';

/** A part of a read's answer. */
export interface AnswerFrame {
  /** A view into the answer that it came with, or, when it has to wait, a copy: it must not keep all of that answer. */
  readonly bytes: Uint8Array;
  readonly type: MessageType;
  readonly encoding: Encoding;
  /** Whether the read is over with it. */
  readonly last: boolean;
}

/** Reads of one session that are under way at a time. */
const MAX_READS = 8;

/**
 * Answers to reads can be large, and a client may ask for a thousand documents at once. So a session has a few reads
 * under way, the rest of its requests wait, and what is answered is sent only while the socket takes it: a slow client
 * holds a few answers in memory, not all of them.
 */
export class ReadGate {
  #underWay = 0;
  readonly #waiting: (() => void)[] = [];
  #frames: AnswerFrame[] = [];
  /** How many of the frames, from the first, are copies. */
  #copied = 0;

  /** Requests that wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Whether nothing is under way or waits, so that the gate isn't needed. */
  get isIdle(): boolean {
    return this.#underWay === 0 && this.#waiting.length === 0 && this.#frames.length === 0;
  }

  /** Starts a read as soon as there is room for it. */
  request(start: () => void): void {
    this.#waiting.push(start);
    this.#startNext();
  }

  /** Takes a frame of an answer. */
  answer(frame: AnswerFrame): void {
    this.#frames.push(frame);
  }

  /** Sends what the socket takes. */
  pump(hasRoom: () => boolean, send: (frame: AnswerFrame) => void): void {
    let sent = 0;
    for (const frame of this.#frames) {
      if (!hasRoom()) break;
      send(frame);
      sent++;
      // A read that a shard was given twice, because a worker died, is answered twice.
      if (frame.last) this.#underWay = Math.max(0, this.#underWay - 1);
    }
    this.#copied = Math.max(0, this.#copied - sent);
    this.#frames = this.#frames.slice(sent);
    for (; this.#copied < this.#frames.length; this.#copied++) {
      const frame = this.#frames[this.#copied];
      if (frame !== undefined) this.#frames[this.#copied] = { ...frame, bytes: frame.bytes.slice() };
    }
    this.#startNext();
  }

  #startNext(): void {
    while (this.#underWay < MAX_READS && this.#waiting.length > 0) {
      this.#underWay++;
      this.#waiting.shift()?.();
    }
  }
}
