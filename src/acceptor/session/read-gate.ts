import type { MessageType } from '../../protocol/codes.js';
import type { Encoding } from '../../protocol/encode.js';

/** A part of a read's answer; those of one read come in one turn, right after each other. */
export interface AnswerFrame {
  /** The number that the read was started with. */
  readonly read: number;
  /** A view into the answer that it came with. */
  readonly bytes: Uint8Array;
  readonly type: MessageType;
  readonly encoding: Encoding;
  /** Whether the answer ends with it. */
  readonly last: boolean;
}

/** The socket, as far as answers need it. */
export interface Outlet {
  /** False while it holds so much that no answer should be added. */
  hasRoom(): boolean;
  send(frame: AnswerFrame): void;
}

type Start = (read: number) => void;

interface Request {
  readonly start: Start;
  readonly bytes: number;
}

interface UnderWay {
  readonly request: Request;
  readonly frames: AnswerFrame[];
}

/** Reads of one session that are under way at a time. */
const MAX_READS = 8;

/**
 * Answers to reads can be large, and a client may ask for a thousand documents at once. So a session has a few reads
 * under way and the rest of its requests wait. An answer that finds no room in the socket is dropped and its read done
 * again when there is some: it would be held in memory, and overtaken by the updates that follow it.
 */
export class ReadGate {
  readonly #waiting: Request[] = [];
  #waitingBytes = 0;
  readonly #underWay = new Map<number, UnderWay>();
  #reads = 0;
  /** What is left of an answer that was sent in part: copies, which do not keep all that came with them. */
  #rest: AnswerFrame[] = [];
  /** Nothing is started until there is room. */
  #stalled = false;

  /** Requests that wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Bytes of the requests that wait. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Whether nothing is under way or waits, so that the gate isn't needed. */
  get isIdle(): boolean {
    return this.#underWay.size === 0 && this.#waiting.length === 0;
  }

  /**
   * Starts a read as soon as there is room for it; again with another number when its answer had to be dropped.
   *
   * @param bytes What keeping the request takes.
   */
  request(start: Start, bytes: number): void {
    this.#waiting.push({ start, bytes });
    this.#waitingBytes += bytes;
    this.#startNext();
  }

  /** Takes a frame of an answer. One to a read that is over, because a worker died and another did it too, is dropped. */
  answer(frame: AnswerFrame, outlet: Outlet): void {
    const read = this.#underWay.get(frame.read);
    if (read === undefined) return;
    read.frames.push(frame);
    if (!frame.last) return;
    if (this.#rest.length === 0 && outlet.hasRoom()) {
      this.#rest = read.frames;
      this.#sendRest(outlet);
      this.#rest = this.#rest.map((left) => ({ ...left, bytes: left.bytes.slice() }));
      return;
    }
    this.#underWay.delete(frame.read);
    this.#waiting.unshift(read.request);
    this.#waitingBytes += read.request.bytes;
    this.#stalled = true;
  }

  /** The socket has sent something. */
  pump(outlet: Outlet): void {
    this.#sendRest(outlet);
    if (this.#rest.length > 0 || !outlet.hasRoom()) return;
    this.#stalled = false;
    this.#startNext();
  }

  #sendRest(outlet: Outlet): void {
    let sent = 0;
    for (const frame of this.#rest) {
      if (!outlet.hasRoom()) break;
      outlet.send(frame);
      sent++;
      if (frame.last) this.#underWay.delete(frame.read);
    }
    this.#rest = this.#rest.slice(sent);
    if (this.#rest.length === 0) this.#startNext();
  }

  #startNext(): void {
    while (!this.#stalled && this.#underWay.size < MAX_READS) {
      const request = this.#waiting.shift();
      if (request === undefined) return;
      this.#waitingBytes -= request.bytes;
      const read = ++this.#reads;
      this.#underWay.set(read, { request, frames: [] });
      request.start(read);
    }
  }
}
