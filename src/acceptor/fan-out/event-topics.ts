import { variants } from '../../messages/task.js';

/** A stream of events that follows a document. */
export interface EventReader {
  /** @param resumeId Where the reader can resume after this frame, if it says so. */
  publish(frame: Uint8Array, resumeId: string | undefined): void;
  /** The session that it belongs to. */
  readonly session: number;
}

interface Published {
  readonly topic: string;
  readonly frame: Uint8Array;
  readonly resumeId: string | undefined;
  readonly except: number;
  readonly number: number;
}

/** Writes of one turn of the event loop. */
const WRITES_PER_TURN = 200;
const eventVariants = variants.jsonEvents | variants.jsonAny;

/**
 * The topics of streams of events, which are no WebSockets, so that uWS does not know them. To publish costs the same
 * whatever the number of readers: they are written to later, a bounded number in each turn of the event loop.
 */
export class EventTopics {
  /** By topic, the readers and after which frame each has joined. */
  readonly #readers = new Map<string, Map<EventReader, number>>();
  readonly #queue: Published[] = [];
  #queuedBytes = 0;
  #number = 0;
  #isScheduled = false;

  /** Bytes of frames that are not written to all yet. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  join(topic: string, reader: EventReader): void {
    let readers = this.#readers.get(topic);
    if (readers === undefined) this.#readers.set(topic, (readers = new Map<EventReader, number>()));
    readers.set(reader, this.#number);
  }

  leave(topic: string, reader: EventReader): void {
    const readers = this.#readers.get(topic);
    readers?.delete(reader);
    if (readers?.size === 0) this.#readers.delete(topic);
  }

  /** @param frame Valid during the call only. @param except Number of the session that does not get it, or 0. */
  publish(topic: string, variant: number, frame: Uint8Array, except: number): void {
    if ((variant & eventVariants) === 0 || !this.#readers.has(topic)) return;
    const copy = Buffer.from(frame);
    this.#queuedBytes += copy.length;
    const resumeId = variant === variants.jsonEvents ? resumeIdOf(copy) : undefined;
    this.#queue.push({ topic, frame: copy, resumeId, except, number: ++this.#number });
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#writeSome();
    });
  }

  /** Readers that join meanwhile come last and do not get it; of those that leave, some others may come in the next turn. */
  #writeSome(): void {
    let left = WRITES_PER_TURN;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      for (const [reader, joinedAfter] of this.#readers.get(next.topic) ?? nobody) {
        // Those that had the frame before it came to its end are marked by its number.
        if (joinedAfter >= next.number) continue;
        if (left-- <= 0) {
          this.#schedule();
          return;
        }
        this.#readers.get(next.topic)?.set(reader, next.number);
        if (reader.session !== next.except) reader.publish(next.frame, next.resumeId);
      }
      this.#queue.shift();
      this.#queuedBytes -= next.frame.length;
    }
  }
}

const nobody: ReadonlyMap<EventReader, number> = new Map();
/** How far into a frame its id begins, and how long it may be. */
const HEAD_BYTES = 4_096;
const MARK = '"id":"';

/** The id of a frame that a shard has written for events. */
export function resumeIdOf(frame: Buffer): string | undefined {
  const head = frame.toString('latin1', 0, HEAD_BYTES);
  const start = head.indexOf(MARK);
  const end = head.indexOf('"', start + MARK.length);
  return start === -1 || end === -1 ? undefined : head.slice(start + MARK.length, end);
}
