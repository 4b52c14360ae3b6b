import type { MessageType } from '../../../protocol/codes.js';
import type { Encoding } from '../../../protocol/encode.js';
import type { ReadAdmission, Reader, WaitingReads } from './read-admission.js';

/** A frame of the answer to a read. The frames of one read arrive in one turn of the event loop, in sequence. */
export interface AnswerFrame {
  /** The number of the read, as given to its `Start`. */
  readonly read: number;
  /** A view of the shard's answer, which may hold many frames. */
  readonly bytes: Uint8Array;
  readonly type: MessageType;
  readonly encoding: Encoding;
  /** Whether it is the last frame of the read. */
  readonly last: boolean;
}

/** What the gate needs of a socket. */
export interface Outlet {
  /** False while its buffer is too full for another answer. */
  hasRoom(): boolean;
  send(frame: AnswerFrame): void;
  /**
   * A read of a document is answered: its first frame was sent, and nothing was published since its state was read.
   *
   * @param isRefused Whether the answer is an error.
   */
  answered(documentId: string, isRefused: boolean): void;
}

/** Starts a read. @param read Its number; each start has a new one. */
type Start = (read: number) => void;

/** What a client asks for. */
export interface RequestedRead {
  readonly documentId: string;
  /** Reads of the same subject have answers of about the same size. */
  readonly subject: string;
  /** By which the client knows the answer. */
  readonly requestId: string;
  /** Whether its awareness is read, not the document. */
  readonly isAwareness?: boolean;
}

interface Request extends RequestedRead {
  readonly start: Start;
  /** Memory of the request while it waits. */
  readonly bytes: number;
}

/** What the gate needs of the admission of the process. */
export type Admission = Pick<ReadAdmission, 'start' | 'forget' | 'enqueue' | 'dequeue'>;

export interface ReadGateOptions {
  /** Gives each read a number that no other of the session has, nor had. */
  readonly nextRead: () => number;
  readonly admission: Admission;
  /** Names a read in the process, and what it is charged to. */
  readonly readerOf: (read: number, subject: string) => Reader;
}

interface InProgress {
  readonly request: Request;
  readonly frames: AnswerFrame[];
}

/** Reads of one session that are in progress at a time. */
const MAX_READS = 8;

/**
 * Limits the reads of one session. Answers can be large, and a client may ask for a thousand documents at once, so only
 * a few reads are in progress and further requests wait. An answer that does not fit into the socket's buffer is
 * dropped and its read repeated later: kept, it would take memory, and later updates would overtake it.
 */
export class ReadGate implements WaitingReads {
  readonly #waiting: Request[] = [];
  #waitingBytes = 0;
  readonly #inProgress = new Map<number, InProgress>();
  /** By document: reads in progress or waiting. */
  readonly #asked = new Map<string, number>();
  /** Documents whose awareness is asked for. */
  readonly #awareness = new Set<string>();
  readonly #options: ReadGateOptions;
  /** Frames left of an answer that was sent in part: copies, because a view would keep the whole answer in memory. */
  #rest: AnswerFrame[] = [];
  /** Set after an answer was dropped: no read starts until the socket has room. */
  #stalled = false;

  constructor(options: ReadGateOptions) {
    this.#options = options;
  }

  /** Requests that wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Bytes of the requests that wait. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Whether nothing is in progress and nothing waits, so that the gate can be dropped. */
  get isIdle(): boolean {
    return this.#inProgress.size === 0 && this.#waiting.length === 0;
  }

  /**
   * Starts a read as soon as possible, and again, with a new number, when its answer had to be dropped.
   *
   * @param bytes Memory of the request while it waits.
   * @returns False when too many wait in the process.
   */
  request(read: RequestedRead, start: Start, bytes: number): boolean {
    if (!this.#options.admission.enqueue(bytes)) return false;
    this.#waiting.push({ ...read, start, bytes });
    this.#waitingBytes += bytes;
    if (read.isAwareness === true) this.#awareness.add(read.documentId);
    else this.#asked.set(read.documentId, (this.#asked.get(read.documentId) ?? 0) + 1);
    this.#startNext();
    return true;
  }

  /** Whether the awareness of a document is asked for already, and not answered. */
  asksAwareness(documentId: string): boolean {
    return this.#awareness.has(documentId);
  }

  /** The session has closed. */
  close(): void {
    this.#options.admission.forget(this);
    this.#options.admission.dequeue(this.#waitingBytes);
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
  }

  /**
   * Accepts a frame of an answer. It is dropped when the read is over: after the death of a worker, two workers may
   * answer the same read.
   */
  answer(frame: AnswerFrame, outlet: Outlet): void {
    const read = this.#inProgress.get(frame.read);
    if (read === undefined) return;
    read.frames.push(frame);
    if (!frame.last) return;
    if (this.#rest.length === 0 && outlet.hasRoom()) {
      const { documentId, isAwareness } = read.request;
      this.#rest = read.frames;
      this.#sendRest(outlet);
      // Another request of the document may still be answered.
      if (isAwareness === true) return;
      if (frame.type !== 'error') outlet.answered(documentId, false);
      else if (!this.#asked.has(documentId)) outlet.answered(documentId, true);
      this.#rest = this.#rest.map((left) => ({ ...left, bytes: left.bytes.slice() }));
      return;
    }
    this.#inProgress.delete(frame.read);
    this.#waiting.unshift(read.request);
    this.#wait(read.request.bytes);
    this.#stalled = true;
  }

  /**
   * Gives up the reads of documents that the session may no longer read: nothing more of their answers is sent.
   *
   * @returns Those of which nothing was sent yet.
   */
  cancel(mayRead: (documentId: string) => boolean): RequestedRead[] {
    const cancelled: RequestedRead[] = [];
    for (const [read, { request }] of this.#inProgress) {
      if (mayRead(request.documentId)) continue;
      this.#finish(read);
      if (!this.#rest.some((frame) => frame.read === read)) cancelled.push(request);
    }
    this.#rest = this.#rest.filter(({ read }) => this.#inProgress.has(read));
    for (const request of this.#waiting.splice(0)) {
      if (mayRead(request.documentId)) {
        this.#waiting.push(request);
        continue;
      }
      this.#wait(-request.bytes);
      this.#forget(request);
      cancelled.push(request);
    }
    this.#startNext();
    return cancelled;
  }

  /** The socket's buffer has drained. */
  pump(outlet: Outlet): void {
    this.#sendRest(outlet);
    if (this.#rest.length > 0 || !outlet.hasRoom()) return;
    this.#stalled = false;
    this.#startNext();
  }

  #finish(read: number): void {
    const inProgress = this.#inProgress.get(read);
    if (inProgress === undefined) return;
    this.#inProgress.delete(read);
    this.#forget(inProgress.request);
  }

  #forget({ documentId, isAwareness }: RequestedRead): void {
    if (isAwareness === true) {
      this.#awareness.delete(documentId);
      return;
    }
    const left = (this.#asked.get(documentId) ?? 1) - 1;
    if (left > 0) this.#asked.set(documentId, left);
    else this.#asked.delete(documentId);
  }

  #sendRest(outlet: Outlet): void {
    let sent = 0;
    for (const frame of this.#rest) {
      if (!outlet.hasRoom()) break;
      outlet.send(frame);
      sent++;
      if (frame.last) this.#finish(frame.read);
    }
    this.#rest = this.#rest.slice(sent);
    if (this.#rest.length === 0) this.#startNext();
  }

  /** Bytes of requests wait from now on, or no longer. */
  #wait(bytes: number): void {
    this.#waitingBytes += bytes;
    this.#options.admission.dequeue(-bytes);
  }

  #startNext(): void {
    while (this.startOne());
  }

  /** Starts the next read if there is one and it may start. */
  startOne(): boolean {
    const [request] = this.#waiting;
    const { admission, nextRead, readerOf } = this.#options;
    if (request === undefined || this.#stalled || this.#inProgress.size >= MAX_READS) {
      admission.forget(this);
      return false;
    }
    const read = nextRead();
    if (!admission.start(readerOf(read, request.subject), this)) return false;
    this.#waiting.shift();
    this.#wait(-request.bytes);
    this.#inProgress.set(read, { request, frames: [] });
    request.start(read);
    return true;
  }
}

/** Names a read in the process. */
export function readKey(session: number, read: number): string {
  return `${session}:${read}`;
}
