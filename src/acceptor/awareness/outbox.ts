import {
  encodeAwareness,
  MAX_AWARENESS_ITEMS,
  MAX_AWARENESS_PARTS,
  type AwarenessStateRecord,
} from '../../cluster/awareness-message.js';
import { awarenessKinds, AwarenessTaskWriter } from '../../messages/awareness-task.js';
import type { LocalState, DocumentAwareness } from './document-awareness.js';

/** The shards, as far as awareness needs them. */
export interface AwarenessShards {
  readonly count: number;
  indexOf(documentId: string): number;
  /** Whether it has a worker; a new one is told everything once more, by `AwarenessOutbox.restart`. */
  running(index: number): boolean;
  /** Whether it takes something now. */
  ready(index: number): boolean;
  /** Gives it entries in the format of awareness-task.ts. */
  tell(index: number, bytes: Uint8Array<ArrayBuffer>): void;
}

export interface AwarenessOutboxOptions {
  /** Names this process. */
  readonly run: string;
  readonly shards: AwarenessShards;
  /** The documents that somebody here shows something in or follows, by id. */
  readonly documents: ReadonlyMap<string, DocumentAwareness>;
  /** Milliseconds after which everything that is shown in a document is said again. */
  readonly renewMs: number;
  /** At most so often are the shards given something, in ms. */
  readonly flushMs: number;
}

/** What one shard is given at a time: states and documents, and about as many bytes. */
const MAX_ITEMS = 1_000;
const MAX_BYTES = 1024 * 1024;
/** About how large a message becomes; a state may be larger by itself. */
const MESSAGE_BYTES = 64 * 1024;
/** Changes that wait for a shard, above which a document is told as a whole. */
const MAX_CHANGES = 10_000;
/** Documents that wait for a shard; what is beyond it is said when its turn of renewing comes. */
const MAX_DOCUMENTS = 100_000;

/** A document that is being told as a whole. */
interface Telling {
  readonly documentId: string;
  readonly sequence: number;
  readonly states: Iterator<LocalState, undefined>;
  part: number;
}

/** What is to be told to one shard. */
class Lane {
  /** Documents to be followed, or not any more. */
  readonly follows = new Map<string, boolean>();
  /** Clients that have changed, by document. */
  readonly changed = new Map<string, Set<string>>();
  changes = 0;
  /** Documents to be told as a whole. */
  readonly whole = new Set<string>();
  telling: Telling | undefined;
  /** The documents that a new worker has not been told of; others come between them. */
  restarting: Iterator<string, undefined> | undefined;

  hasWork(): boolean {
    const { follows, changed, whole, telling, restarting } = this;
    if (telling !== undefined || restarting !== undefined) return true;
    return follows.size > 0 || changed.size > 0 || whole.size > 0;
  }

  clear(): void {
    this.follows.clear();
    this.changed.clear();
    this.changes = 0;
    this.whole.clear();
    this.telling = undefined;
    this.restarting = undefined;
  }
}

/**
 * What the other nodes are to be told about awareness, collected and given to the shards in lots, of which each has one
 * at a time. What changes more often than that is told as it is by then.
 */
export class AwarenessOutbox {
  readonly #options: AwarenessOutboxOptions;
  readonly #lanes: readonly Lane[];
  readonly #writer = new AwarenessTaskWriter();
  /** Documents in which something is shown, with the time at which all of it was last said, the oldest in front. */
  readonly #said = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #flushed = -Infinity;
  #sequence = 0;

  constructor(options: AwarenessOutboxOptions) {
    this.#options = options;
    this.#lanes = Array.from({ length: options.shards.count }, () => new Lane());
  }

  /** Whether everything was told. */
  get isIdle(): boolean {
    const { shards } = this.#options;
    return this.#lanes.every((lane, index) => !shards.running(index) || (!lane.hasWork() && shards.ready(index)));
  }

  follow(documentId: string): void {
    this.#setFollow(documentId, true);
  }

  unfollow(documentId: string): void {
    this.#said.delete(documentId);
    this.#setFollow(documentId, false);
  }

  /** What is shown of a client here is another, or nothing any more. */
  change(documentId: string, clientId: string): void {
    const lane = this.#laneOf(documentId);
    if (!this.#said.has(documentId)) this.#said.set(documentId, performance.now());
    const clients = lane.changed.get(documentId);
    if (clients?.has(clientId) === true) return;
    if (lane.changes >= MAX_CHANGES) {
      this.tellAll(documentId);
      return;
    }
    lane.changes++;
    if (clients === undefined) lane.changed.set(documentId, new Set([clientId]));
    else clients.add(clientId);
    this.#arm();
  }

  /** Says everything that is shown in a document. */
  tellAll(documentId: string): void {
    const { whole } = this.#laneOf(documentId);
    if (whole.size < MAX_DOCUMENTS) whole.add(documentId);
    this.#arm();
  }

  /** A shard has a new worker, which knows nothing. */
  restart(index: number): void {
    const lane = this.#lanes[index];
    if (lane === undefined) return;
    lane.clear();
    lane.restarting = this.#options.documents.keys();
    this.#arm();
  }

  /** Says again what was not said for long. */
  renew(now: number): void {
    const { documents, renewMs } = this.#options;
    let count = 0;
    for (const [documentId, said] of this.#said) {
      if (now - said < renewMs || ++count > MAX_ITEMS) return;
      this.#said.delete(documentId);
      if ((documents.get(documentId)?.locals.size ?? 0) === 0) continue;
      this.#said.set(documentId, now);
      this.tellAll(documentId);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #setFollow(documentId: string, isWanted: boolean): void {
    const lane = this.#laneOf(documentId);
    if (lane.follows.size < MAX_DOCUMENTS) lane.follows.set(documentId, isWanted);
    else lane.restarting = this.#options.documents.keys();
    this.#arm();
  }

  #laneOf(documentId: string): Lane {
    const lane = this.#lanes[this.#options.shards.indexOf(documentId)];
    if (lane === undefined) throw new Error('a document belongs to no shard');
    return lane;
  }

  #arm(): void {
    if (this.#timer !== undefined) return;
    const wait = this.#flushed + this.#options.flushMs - performance.now();
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#flush();
      },
      Math.max(0, wait),
    );
  }

  #flush(): void {
    const { shards } = this.#options;
    const now = performance.now();
    this.#flushed = now;
    this.renew(now);
    for (const [index, lane] of this.#lanes.entries()) {
      // What a new worker needs to know it is told from the beginning.
      if (!shards.running(index)) lane.clear();
      if (lane.hasWork() && shards.ready(index)) this.#flushLane(index, lane);
      if (lane.hasWork()) this.#arm();
    }
  }

  #flushLane(index: number, lane: Lane): void {
    for (const [documentId, isWanted] of lane.follows) {
      const kind = isWanted ? awarenessKinds.follow : awarenessKinds.unfollow;
      this.#writer.add({ kind, documentId, message: nothing });
    }
    lane.follows.clear();
    for (const [documentId, clients] of lane.changed) {
      if (this.#writer.length > MAX_BYTES) break;
      lane.changed.delete(documentId);
      lane.changes -= clients.size;
      this.#sayChanges(documentId, clients);
    }
    const budget = { items: MAX_ITEMS };
    this.#resume(index, lane, budget);
    while (budget.items > 0 && this.#writer.length <= MAX_BYTES) {
      lane.telling ??= this.#next(lane);
      if (lane.telling === undefined) break;
      if (this.#sayPart(lane.telling, budget)) lane.telling = undefined;
    }
    if (this.#writer.length > 0) this.#options.shards.tell(index, this.#writer.finish());
  }

  /** Tells a new worker of some documents. */
  #resume(index: number, lane: Lane, budget: { items: number }): void {
    const { documents, shards } = this.#options;
    while (lane.restarting !== undefined && budget.items > 0) {
      const { value: documentId, done } = lane.restarting.next();
      budget.items--;
      if (done === true) lane.restarting = undefined;
      else if (shards.indexOf(documentId) === index) {
        this.#writer.add({ kind: awarenessKinds.follow, documentId, message: nothing });
        if ((documents.get(documentId)?.locals.size ?? 0) > 0) lane.whole.add(documentId);
      }
    }
  }

  #next(lane: Lane): Telling | undefined {
    for (const documentId of lane.whole) {
      lane.whole.delete(documentId);
      const states = this.#options.documents.get(documentId)?.locals.values() ?? [].values();
      return { documentId, sequence: ++this.#sequence, states, part: 0 };
    }
    return undefined;
  }

  #sayChanges(documentId: string, clients: ReadonlySet<string>): void {
    const locals = this.#options.documents.get(documentId)?.locals;
    let states: AwarenessStateRecord[] = [];
    let left: string[] = [];
    let bytes = 0;
    const say = (): void => {
      const sequence = ++this.#sequence;
      this.#say(documentId, encodeAwareness({ kind: 'changes', run: this.#options.run, sequence, states, left }));
      states = [];
      left = [];
      bytes = 0;
    };
    for (const clientId of clients) {
      const local = locals?.get(clientId);
      if (local === undefined) left.push(clientId);
      else states.push(local);
      bytes += local?.state.length ?? 0;
      if (bytes > MESSAGE_BYTES || states.length + left.length >= MAX_AWARENESS_ITEMS) say();
    }
    if (states.length + left.length > 0) say();
  }

  /**
   * What comes, changes or goes between two parts is told by a later number besides, so they need not be of one moment.
   *
   * @returns Whether it was the last one.
   */
  #sayPart(telling: Telling, budget: { items: number }): boolean {
    const states: AwarenessStateRecord[] = [];
    let bytes = 0;
    let isLast = telling.part === MAX_AWARENESS_PARTS - 1;
    budget.items--;
    while (bytes <= MESSAGE_BYTES && states.length < MAX_AWARENESS_ITEMS) {
      const next = telling.states.next();
      if (next.done === true) {
        isLast = true;
        break;
      }
      states.push(next.value);
      bytes += next.value.state.length;
      budget.items--;
    }
    const { documentId, sequence, part } = telling;
    telling.part++;
    this.#say(documentId, encodeAwareness({ kind: 'all', run: this.#options.run, sequence, states, part, isLast }));
    return isLast;
  }

  #say(documentId: string, message: Uint8Array): void {
    this.#writer.add({ kind: awarenessKinds.say, documentId, message });
  }
}

const nothing = new Uint8Array(0);
