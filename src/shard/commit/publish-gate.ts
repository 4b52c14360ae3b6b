import type { ShardMetrics } from '../../metrics/shard-metrics.js';
import type { TaskGroup } from '../../messages/task.js';
import type { LoadedDocument } from '../documents/documents.js';
import { showAll } from '../frames.js';
import type { Outbox } from '../outbox.js';
import type { OpenGroup } from '../open-task.js';
import type { Committer } from './committer.js';
import type { DirtyFields } from './dirty-fields.js';

export interface PublishGateOptions {
  /** Whether only what is durable is shown; else everything is shown at once. */
  readonly durable: boolean;
  /** How long a commit may take before what waits for it is shown all the same, in ms. */
  readonly graceMs: number;
  readonly outbox: Pick<Outbox, 'divert' | 'append'>;
  readonly committer: Pick<Committer, 'lastBatch'>;
  readonly dirty: Pick<DirtyFields, 'has'>;
  readonly metrics: Pick<ShardMetrics, 'publishGraceExceeded'>;
  /** Does what waited for a document to be durable. */
  readonly process: (document: LoadedDocument, group: TaskGroup, openGroup: OpenGroup) => void;
  /** Ends a turn that is not the acceptor's. */
  readonly endTurn: () => void;
}

/** What is sent about fields of a document. */
export interface FieldFrames {
  readonly paths: Iterable<string>;
  /** Whether it shows what the fields hold when it is sent, and not what they held before. */
  readonly isPresent?: boolean;
  /**
   * Sends it, but for fields that are not to be shown. May be called later, and then `isStored` tells whether it was kept
   * back until all that it shows was durable.
   */
  readonly send: (isShown: (path: string) => boolean, isStored: boolean) => void;
}

interface Held {
  /** It is shown when this batch is durable, and what came before it is shown. */
  readonly batch: number;
  readonly send: (isStored: boolean) => void;
  /** Those that are shown; undefined for what is not about fields. */
  readonly paths: Set<string> | undefined;
  /** Whether it shows a text. */
  readonly isText: boolean;
}

/** Records that wait until their document is durable. */
interface Waiting {
  readonly group: TaskGroup;
  readonly openGroup: OpenGroup;
}

/**
 * Decides when what happens to documents is shown. With `SYNC_PUBLISH=durable` that is when it is durable: what a flush
 * tells of a document waits for the commit, in the order in which it came, and a read waits until its document holds
 * nothing else, with all that comes for the document after it. When a commit takes longer than the grace, everything is
 * shown at once until one succeeds.
 */
export class PublishGate {
  readonly #options: PublishGateOptions;
  readonly #held = new Map<LoadedDocument, Held[]>();
  readonly #waiting = new Map<LoadedDocument, Waiting[]>();
  /** Runs while something is held or waits: until the commit that ends it, or the grace. */
  #grace: NodeJS.Timeout | undefined;
  /** The grace has run out, and no commit has succeeded since. */
  #isOpen = false;

  constructor(options: PublishGateOptions) {
    this.#options = options;
  }

  /** Sends frames about fields as soon as they may be shown. */
  showFields(document: LoadedDocument, frames: FieldFrames): void {
    if (!this.#holds(document)) {
      frames.send(showAll, false);
      return;
    }
    const paths = new Set(frames.paths);
    const { dirty } = this.#options;
    const isStored = (path: string): boolean => this.#isOpen || !dirty.has(document.id, path);
    const send: Held['send'] = (hasWaited) => {
      const isShown = (path: string): boolean => paths.has(path) && (frames.isPresent !== true || isStored(path));
      if (paths.size > 0) frames.send(isShown, hasWaited);
    };
    this.#hold(document, { send, paths, isText: false });
  }

  /** Sends what an action publishes of a text, or of operations that are kept nowhere. The action runs now. */
  show(document: LoadedDocument, what: 'text' | 'relays', action: () => void): void {
    if (!this.#holds(document)) {
      action();
      return;
    }
    const { outbox } = this.#options;
    const entries = outbox.divert(action);
    if (entries.length === 0) return;
    const send = (): void => {
      outbox.append(entries);
    };
    this.#hold(document, { send, paths: undefined, isText: what === 'text' });
  }

  #hold(document: LoadedDocument, what: Omit<Held, 'batch'>): void {
    const held: Held = { ...what, batch: this.#options.committer.lastBatch(document) };
    const others = this.#held.get(document);
    if (others === undefined) this.#held.set(document, [held]);
    else others.push(held);
    this.#startGrace();
  }

  /** Whether a read of the document, or anything that came for it after one, has to wait; `wait` keeps it. */
  mustWait(document: LoadedDocument, isRead: boolean): boolean {
    return this.#waiting.has(document) || (isRead && this.#holds(document));
  }

  /** Keeps records until the document is durable. */
  wait(document: LoadedDocument, group: TaskGroup, openGroup: OpenGroup): void {
    const others = this.#waiting.get(document);
    if (others === undefined) this.#waiting.set(document, [{ group, openGroup }]);
    else others.push({ group, openGroup });
    this.#startGrace();
  }

  /** Whether the document must stay in memory. */
  needs(document: LoadedDocument): boolean {
    return this.#held.has(document) || this.#waiting.has(document);
  }

  /** The storage has refused writes of these fields in a batch: what was to show them does not. */
  refused(document: LoadedDocument, paths: readonly string[], batch: number): void {
    for (const held of this.#held.get(document) ?? []) {
      if (held.batch > batch) break;
      for (const path of paths) held.paths?.delete(path);
    }
  }

  /** The storage has refused the text: nothing shows it until it is stored. */
  refusedText(document: LoadedDocument): void {
    const all = this.#held.get(document);
    if (all === undefined) return;
    const others = all.filter(({ isText }) => !isText);
    if (others.length === 0) this.#held.delete(document);
    else this.#held.set(document, others);
  }

  /** A write is replaced by another in the same batch, and will never be stored: what was to show it does not. */
  replaced(document: LoadedDocument, path: string): void {
    const all = this.#held.get(document);
    if (all === undefined) return;
    const batch = this.#options.committer.lastBatch(document);
    for (const held of all) if (held.batch === batch) held.paths?.delete(path);
  }

  /** All batches up to this one are durable: what waited for them is shown. */
  durable(batch: number): void {
    if (!this.#options.durable) return;
    this.#isOpen = false;
    clearTimeout(this.#grace);
    this.#grace = undefined;
    for (const [document, all] of this.#held) this.#release(document, all, batch, true);
    if (this.#held.size > 0 || this.#waiting.size > 0) this.#startGrace();
  }

  /** Does what waited for documents that hold nothing any more that is not durable. */
  resume(): void {
    for (const [document, waiting] of [...this.#waiting]) {
      if (this.#holds(document)) continue;
      this.#waiting.delete(document);
      // A read among these may have to wait again, and then all behind it.
      for (const { group, openGroup } of waiting) this.#options.process(document, group, openGroup);
    }
  }

  close(): void {
    clearTimeout(this.#grace);
  }

  #holds(document: LoadedDocument): boolean {
    const { durable, committer } = this.#options;
    if (!durable || this.#isOpen) return false;
    return this.#held.has(document) || committer.lastBatch(document) > 0;
  }

  #release(document: LoadedDocument, all: Held[], batch: number, isStored: boolean): void {
    let count = 0;
    for (const held of all) {
      if (held.batch > batch) break;
      count++;
      held.send(isStored);
    }
    if (count === all.length) this.#held.delete(document);
    else all.splice(0, count);
  }

  #startGrace(): void {
    this.#grace ??= setTimeout(() => {
      this.#grace = undefined;
      this.#open();
    }, this.#options.graceMs);
  }

  #open(): void {
    this.#options.metrics.publishGraceExceeded.add(1);
    this.#isOpen = true;
    for (const [document, all] of this.#held) this.#release(document, all, Infinity, false);
    this.#options.endTurn();
  }
}
