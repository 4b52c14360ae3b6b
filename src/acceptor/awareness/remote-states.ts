import type { AwarenessMessage, AwarenessStateRecord } from '../../cluster/awareness-message.js';
import type { AcceptorMetrics } from '../../metrics/acceptor-metrics.js';
import type { Owner, DocumentAwareness, Shown } from './document-awareness.js';

export interface RemoteStatesOptions {
  /**
   * Milliseconds after which the states of a process in a document are removed, unless it published all of them again.
   */
  readonly timeoutMs: number;
  /** Approximate memory of all states. */
  readonly maxBytes: number;
  readonly metrics: Pick<AcceptorMetrics, 'awarenessDropped'>;
  /** A client has changed. @param before What subscribers saw until then. */
  readonly onChange: (document: DocumentAwareness, clientId: string, before: Shown | undefined) => void;
}

/** A message that carries states. */
export type StatesMessage = Exclude<AwarenessMessage, { kind: 'ask' }>;

/** The last message of a process about one client; without an owner, the client has left. */
interface Entry {
  readonly sequence: number;
  readonly owner: Owner | undefined;
}

/** The states of one process in one document. */
interface Source {
  readonly run: string;
  readonly document: DocumentAwareness;
  readonly entries: Map<string, Entry>;
  /** The sequence of the last complete `all` message: older messages are ignored. */
  floor: number;
  /** An `all` message of which parts are missing; `count` is known once the last part is there. */
  partial: { readonly sequence: number; readonly parts: Set<number>; count: number | undefined } | undefined;
  /** When a part of an `all` message last came, in ms of the monotonic clock. */
  renewed: number;
  bytes: number;
}

/** Approximate memory of each. */
const SOURCE_BYTES = 600;
const ENTRY_BYTES = 300;
const PART_BYTES = 50;
/** Clients that are removed in one turn of the event loop; when a node ends there may be very many. */
const MAX_LEAVERS = 1_000;
const PAUSE_MS = 10;

/** The states of the other processes of the cluster. Messages may come twice and in any order. */
export class RemoteStates {
  readonly #options: RemoteStatesOptions;
  readonly #byDocument = new Map<DocumentAwareness, Map<string, Source>>();
  readonly #byRun = new Map<string, Set<Source>>();
  /** In the order of their last renewal, the oldest first. */
  readonly #byRenewal = new Set<Source>();
  /** Processes that have ended, while some of their states remain to be removed. */
  readonly #gone = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #bytes = 0;
  #states = 0;

  constructor(options: RemoteStatesOptions) {
    this.#options = options;
  }

  /** States that are held. */
  get states(): number {
    return this.#states;
  }

  /** Approximate memory of the states, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Applies a message about a document that a session of this node uses.
   *
   * @param now Milliseconds of the monotonic clock.
   */
  apply(document: DocumentAwareness, message: StatesMessage, now: number): void {
    const source = this.#byDocument.get(document)?.get(message.run) ?? this.#add(document, message.run, now);
    if (source === undefined) return;
    const { sequence, states } = message;
    for (const state of states) this.#put(source, state.clientId, sequence, ownerOf(message.run, state));
    switch (message.kind) {
      case 'changes':
        for (const clientId of message.left) this.#put(source, clientId, sequence, undefined);
        return;
      case 'all':
        if (sequence < source.floor) return;
        this.#renew(source, now);
        this.#addPart(source, sequence, message.part, message.isLast);
    }
  }

  /** No session of this node uses the document any more: drops its states without publishing that they left. */
  forget(document: DocumentAwareness): void {
    for (const source of this.#byDocument.get(document)?.values() ?? []) this.#delete(source);
  }

  /** Removes what was not renewed in time. */
  expire(now: number): void {
    let left = MAX_LEAVERS;
    for (const source of this.#byRenewal) {
      if (now - source.renewed < this.#options.timeoutMs) return;
      if ((left -= this.#leave(source, left)) > 0) continue;
      this.#continueLater();
      return;
    }
  }

  /** Removes the states of processes that have ended. */
  forgetRuns(runs: Iterable<string>): void {
    for (const run of runs) if (this.#byRun.has(run)) this.#gone.add(run);
    this.#sweep();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #sweep(): void {
    let left = MAX_LEAVERS;
    for (const run of this.#gone) {
      for (const source of this.#byRun.get(run) ?? []) {
        if ((left -= this.#leave(source, left)) > 0) continue;
        this.#continueLater();
        return;
      }
      this.#gone.delete(run);
    }
  }

  /** Goes on after a pause, so that other work is not held up. */
  #continueLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#sweep();
      this.expire(performance.now());
    }, PAUSE_MS);
  }

  #add(document: DocumentAwareness, run: string, now: number): Source | undefined {
    if (this.#bytes + SOURCE_BYTES > this.#options.maxBytes) {
      this.#options.metrics.awarenessDropped('full').add(1);
      return undefined;
    }
    const source: Source = {
      ...{ run, document, entries: new Map(), floor: 0, partial: undefined },
      ...{ renewed: now, bytes: 0 },
    };
    const ofDocument = this.#byDocument.get(document);
    if (ofDocument === undefined) this.#byDocument.set(document, new Map([[run, source]]));
    else ofDocument.set(run, source);
    const ofRun = this.#byRun.get(run);
    if (ofRun === undefined) this.#byRun.set(run, new Set([source]));
    else ofRun.add(source);
    this.#byRenewal.add(source);
    this.#charge(source, SOURCE_BYTES);
    return source;
  }

  #renew(source: Source, now: number): void {
    source.renewed = now;
    this.#byRenewal.delete(source);
    this.#byRenewal.add(source);
  }

  #addPart(source: Source, sequence: number, part: number, isLast: boolean): void {
    if (source.partial === undefined || sequence > source.partial.sequence) {
      this.#charge(source, -PART_BYTES * (source.partial?.parts.size ?? 0));
      source.partial = { sequence, parts: new Set(), count: undefined };
    }
    const { partial } = source;
    if (partial.sequence !== sequence) return;
    if (!partial.parts.has(part)) this.#charge(source, PART_BYTES);
    partial.parts.add(part);
    if (isLast) partial.count = part + 1;
    if (partial.parts.size !== partial.count) return;
    this.#charge(source, -PART_BYTES * partial.parts.size);
    source.partial = undefined;
    source.floor = sequence;
    for (const [clientId, entry] of source.entries) {
      if (entry.sequence < sequence) this.#replace(source, clientId, undefined);
    }
  }

  #put(source: Source, clientId: string, sequence: number, owner: Owner | undefined): void {
    const former = source.entries.get(clientId);
    if (sequence < source.floor || (former !== undefined && former.sequence >= sequence)) return;
    const entry = { sequence, owner };
    const growth = sizeOf(clientId, entry) - sizeOf(clientId, former);
    if (growth <= 0 || this.#bytes + growth <= this.#options.maxBytes) {
      this.#replace(source, clientId, entry);
      return;
    }
    this.#options.metrics.awarenessDropped('full').add(1);
    // There is no memory for the new state; the former one is known to be out of date.
    if (former !== undefined) this.#replace(source, clientId, { sequence, owner: undefined });
  }

  #replace(source: Source, clientId: string, entry: Entry | undefined): void {
    const { document, entries } = source;
    const former = entries.get(clientId);
    const before = document.shownOf(clientId);
    this.#charge(source, sizeOf(clientId, entry) - sizeOf(clientId, former));
    if (entry === undefined) entries.delete(clientId);
    else entries.set(clientId, entry);
    if (entry?.owner !== undefined) document.putRemote(clientId, entry.owner, former?.owner);
    else if (former?.owner !== undefined) document.dropRemote(clientId, former.owner);
    else return;
    this.#states += (entry?.owner === undefined ? 0 : 1) - (former?.owner === undefined ? 0 : 1);
    this.#options.onChange(document, clientId, before);
  }

  /**
   * Removes up to `limit` clients of a source, and the source itself once it is empty.
   *
   * @returns The clients that were removed, plus one for the source; below `limit` only if all are gone.
   */
  #leave(source: Source, limit: number): number {
    let leavers = 0;
    for (const clientId of source.entries.keys()) {
      if (leavers === limit) return leavers;
      this.#replace(source, clientId, undefined);
      leavers++;
    }
    this.#delete(source);
    return leavers + 1;
  }

  #delete(source: Source): void {
    const { document, run } = source;
    for (const [clientId, { owner }] of source.entries) {
      if (owner === undefined) continue;
      document.dropRemote(clientId, owner);
      this.#states--;
    }
    this.#charge(source, -source.bytes);
    this.#byRenewal.delete(source);
    const ofDocument = this.#byDocument.get(document);
    ofDocument?.delete(run);
    if (ofDocument?.size === 0) this.#byDocument.delete(document);
    const ofRun = this.#byRun.get(run);
    ofRun?.delete(source);
    if (ofRun?.size === 0) this.#byRun.delete(run);
  }

  #charge(source: Source, bytes: number): void {
    source.bytes += bytes;
    this.#bytes += bytes;
  }
}

function ownerOf(run: string, { user, claimed, generation, clock, state }: AwarenessStateRecord): Owner {
  return { run, user, claimed, generation, clock, state };
}

function sizeOf(clientId: string, entry: Entry | undefined): number {
  if (entry === undefined) return 0;
  return ENTRY_BYTES + 2 * (clientId.length + (entry.owner?.state.length ?? 0));
}
