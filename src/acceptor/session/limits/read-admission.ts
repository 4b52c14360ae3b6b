import { Rate, TokenBucket } from './token-bucket.js';

/** Who asks for a read, by the buckets that it is charged to, and its name within the process. */
export interface Reader {
  /** Unique for each read of the process. */
  readonly key: string;
  /** Of the session, and of its user where that is known. */
  readonly buckets: readonly TokenBucket[];
  /** Names what is asked for: reads of the same kind and document have answers of about the same size. */
  readonly subject: string;
}

/** The reads of one session that wait for their turn. */
export interface WaitingReads {
  /** Starts one read if it may. @returns Whether it did. */
  startOne(): boolean;
}

export interface ReadAdmissionOptions {
  /** Bytes of answers per second of the process; 0 = no limit. */
  readonly bytesPerSecond: number;
  /** Bytes of answers that may be on their way from the shards. */
  readonly maxBytesInFlight: number;
  /** Bytes of requests that may wait in the process. */
  readonly maxWaitingBytes: number;
}

interface Permit {
  readonly reader: Reader;
  /** As it was guessed. */
  readonly bytes: number;
  /** What has come of the answer. */
  answered: number;
}

/** Seconds of its rate that may be used at once: the answer of a large document is that much. */
export const READ_BURST_SECONDS = 2;
/**
 * The same for all sessions together. It is short, so that the answers of large documents never follow each other without
 * a pause in which others are served: after each one, the process waits for about as long as its rate says.
 */
const NODE_BURST_SECONDS = 1 / 8;
/** Sizes of answers that are remembered. */
const MAX_SIZES = 20_000;
/** Bytes that are assumed of an answer whose size is not known. */
const UNKNOWN_BYTES = 256 * 1024;

/**
 * Decides which reads the shards are given, for all sessions of the process. A read is charged with the bytes of its
 * answer to its session, its user and the process; who has used more than its rate waits. So few answers are on their way
 * at a time, whatever is asked for, and between them the shards and the acceptor do other work.
 */
export class ReadAdmission {
  readonly #options: ReadAdmissionOptions;
  readonly #node: TokenBucket;
  readonly #permits = new Map<string, Permit>();
  /** Subjects whose size is not known, and that are being read. */
  readonly #probed = new Set<string>();
  /** The last sizes of answers, the least recently read first. */
  readonly #sizes = new Map<string, number>();
  /** Sessions with reads that may not start yet, in the order of their turns. */
  readonly #waiting = new Set<WaitingReads>();
  /** Those that have used more than their own rates, until they may go on. */
  readonly #overdrawn = new Map<WaitingReads, NodeJS.Timeout>();
  #bytesInFlight = 0;
  #waitingBytes = 0;
  /** Whether the last read was refused for the sake of the process: then no other would start either. */
  #isFull = false;
  /** Whose turn it is. */
  #turn: WaitingReads | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ReadAdmissionOptions) {
    this.#options = options;
    const { bytesPerSecond } = options;
    this.#node = new TokenBucket(new Rate(bytesPerSecond, bytesPerSecond * NODE_BURST_SECONDS));
  }

  /** Bytes of answers that are on their way, as far as they can be known. */
  get bytesInFlight(): number {
    return this.#bytesInFlight;
  }

  /** Bytes of the requests that wait. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** A request waits. @returns False when too many bytes wait already. */
  enqueue(bytes: number): boolean {
    if (this.#waitingBytes + bytes > this.#options.maxWaitingBytes) return false;
    this.#waitingBytes += bytes;
    return true;
  }

  /** A request no longer waits. */
  dequeue(bytes: number): void {
    this.#waitingBytes -= bytes;
  }

  /**
   * Whether a read may start now; then it is charged, and `answered` must be called for its answer.
   *
   * @param reads Whose `startOne` is called when it is worth trying again.
   */
  start(reader: Reader, reads: WaitingReads): boolean {
    if (this.#waiting.size > 0 && this.#turn !== reads) {
      this.#waiting.add(reads);
      this.#wakeIn(0);
      return false;
    }
    const now = performance.now();
    const { subject } = reader;
    const known = this.#sizes.get(subject);
    const bytes = known ?? UNKNOWN_BYTES;
    const nodeMs = this.#node.waitMs(now);
    if (nodeMs > 0) this.#wakeIn(nodeMs);
    this.#isFull =
      nodeMs > 0 || (this.#permits.size > 0 && this.#bytesInFlight + bytes > this.#options.maxBytesInFlight);
    if (this.#isFull || (known === undefined && this.#probed.has(subject))) {
      this.#waiting.add(reads);
      return false;
    }
    const waitMs = Math.max(0, ...reader.buckets.map((bucket) => bucket.waitMs(now)));
    if (waitMs > 0) {
      this.#waiting.delete(reads);
      this.#retry(reads, waitMs);
      return false;
    }
    for (const bucket of [...reader.buckets, this.#node]) bucket.charge(now, bytes);
    if (known === undefined) this.#probed.add(subject);
    this.#permits.set(reader.key, { reader, bytes, answered: 0 });
    this.#bytesInFlight += bytes;
    return true;
  }

  /** It has no more reads. */
  forget(reads: WaitingReads): void {
    this.#waiting.delete(reads);
    clearTimeout(this.#overdrawn.get(reads));
    this.#overdrawn.delete(reads);
  }

  /** A part of the answer to a read has come, whoever it is for and whether it is sent or dropped. */
  answered(key: string, bytes: number, isLast: boolean): void {
    const permit = this.#permits.get(key);
    if (permit === undefined) return;
    permit.answered += bytes;
    if (!isLast) return;
    this.#permits.delete(key);
    const { reader, answered } = permit;
    this.#bytesInFlight -= permit.bytes;
    this.#probed.delete(reader.subject);
    this.#remember(reader.subject, answered);
    const now = performance.now();
    for (const bucket of [...reader.buckets, this.#node]) bucket.charge(now, answered - permit.bytes);
    if (this.#waiting.size > 0) this.#wakeIn(0);
  }

  stop(): void {
    clearTimeout(this.#timer);
    for (const timer of this.#overdrawn.values()) clearTimeout(timer);
    this.#waiting.clear();
  }

  #remember(subject: string, bytes: number): void {
    this.#sizes.delete(subject);
    this.#sizes.set(subject, bytes);
    if (this.#sizes.size <= MAX_SIZES) return;
    for (const oldest of this.#sizes.keys()) {
      this.#sizes.delete(oldest);
      return;
    }
  }

  #retry(reads: WaitingReads, ms: number): void {
    if (this.#overdrawn.has(reads)) return;
    const timer = setTimeout(() => {
      this.#overdrawn.delete(reads);
      this.#waiting.add(reads);
      this.#startWaiting();
    }, ms);
    this.#overdrawn.set(reads, timer);
  }

  #wakeIn(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#startWaiting();
    }, ms);
  }

  /** One read of each session in turn, as long as any may start. */
  #startWaiting(): void {
    let isAny = true;
    while (isAny) {
      isAny = false;
      for (const reads of [...this.#waiting]) {
        this.#turn = reads;
        if (reads.startOne()) {
          isAny = true;
          // Behind the others, if it has more.
          if (this.#waiting.delete(reads)) this.#waiting.add(reads);
        } else if (this.#isFull) {
          this.#turn = undefined;
          return;
        }
      }
    }
    this.#turn = undefined;
  }
}
