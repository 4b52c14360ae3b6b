import type { AwarenessMessage, AwarenessStateRecord } from '../../cluster/awareness-message.js';
import type { AcceptorMetrics } from '../../metrics/acceptor-metrics.js';
import type { Owner, DocumentAwareness, Shown } from './document-awareness.js';

export interface RemoteStatesOptions {
  /** Milliseconds after which what a process shows in a document leaves, if it was not said again as a whole. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly metrics: Pick<AcceptorMetrics, 'awarenessDropped'>;
  /** Something of a client has changed; @param before What was seen of it. */
  readonly onChange: (document: DocumentAwareness, clientId: string, before: Shown | undefined) => void;
}

/** What is not a request. */
export type StatesMessage = Exclude<AwarenessMessage, { kind: 'ask' }>;

/** The last that a process said of one client; nothing is shown any more if there is no owner. */
interface Entry {
  readonly sequence: number;
  readonly owner: Owner | undefined;
}

/** What one process shows in one document. */
interface Source {
  readonly run: string;
  readonly document: DocumentAwareness;
  readonly entries: Map<string, Entry>;
  /** The number of the last message that told everything: what is older counts no more. */
  floor: number;
  /** One of which not all parts are there. */
  telling: { readonly sequence: number; readonly parts: Set<number>; count: number | undefined } | undefined;
  /** When something was last told as a whole, in ms of the monotonic clock. */
  renewed: number;
  bytes: number;
}

/** About what the parts take in memory. */
const SOURCE_BYTES = 600;
const ENTRY_BYTES = 300;
const PART_BYTES = 50;
/** Clients that leave in one turn; after the end of a node there may be very many. */
const MAX_LEAVERS = 1_000;
const PAUSE_MS = 10;

/** What the other processes of the cluster show of their clients. Messages may come twice and in any order. */
export class RemoteStates {
  readonly #options: RemoteStatesOptions;
  readonly #byDocument = new Map<DocumentAwareness, Map<string, Source>>();
  readonly #byRun = new Map<string, Set<Source>>();
  /** The one that was not renewed for longest in front. */
  readonly #byRenewal = new Set<Source>();
  /** Processes that are gone, with some of what they showed still to be taken away. */
  readonly #gone = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #bytes = 0;
  #states = 0;

  constructor(options: RemoteStatesOptions) {
    this.#options = options;
  }

  /** States held. */
  get states(): number {
    return this.#states;
  }

  /** About how many bytes of memory it takes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes what a process says of a document that somebody here follows or shows something in. */
  take(document: DocumentAwareness, message: StatesMessage, now: number): void {
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
        this.#takePart(source, sequence, message.part, message.isLast);
    }
  }

  /** Nobody here is interested in a document any more. */
  forget(document: DocumentAwareness): void {
    for (const source of this.#byDocument.get(document)?.values() ?? []) this.#delete(source);
  }

  /** What was not said again for too long leaves. */
  expire(now: number): void {
    let left = MAX_LEAVERS;
    for (const source of this.#byRenewal) {
      if (now - source.renewed < this.#options.timeoutMs) return;
      if ((left -= this.#leave(source, left)) > 0) continue;
      this.#later();
      return;
    }
  }

  /** What these processes show leaves. */
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
        this.#later();
        return;
      }
      this.#gone.delete(run);
    }
  }

  /** Goes on with what is due. */
  #later(): void {
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
      ...{ run, document, entries: new Map(), floor: 0, telling: undefined },
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

  #takePart(source: Source, sequence: number, part: number, isLast: boolean): void {
    if (source.telling === undefined || sequence > source.telling.sequence) {
      this.#charge(source, -PART_BYTES * (source.telling?.parts.size ?? 0));
      source.telling = { sequence, parts: new Set(), count: undefined };
    }
    const { telling } = source;
    if (telling.sequence !== sequence) return;
    if (!telling.parts.has(part)) this.#charge(source, PART_BYTES);
    telling.parts.add(part);
    if (isLast) telling.count = part + 1;
    if (telling.parts.size !== telling.count) return;
    this.#charge(source, -PART_BYTES * telling.parts.size);
    source.telling = undefined;
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
    // What is known to be out of date is shown no more.
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

  /** Lets the clients of a source leave, at most so many. @returns How many have left, and one more for the source. */
  #leave(source: Source, most: number): number {
    let leavers = 0;
    for (const clientId of source.entries.keys()) {
      if (leavers === most) return leavers;
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

function ownerOf(run: string, { user, claimed, turn, clock, state }: AwarenessStateRecord): Owner {
  return { run, user, claimed, turn, clock, state };
}

function sizeOf(clientId: string, entry: Entry | undefined): number {
  if (entry === undefined) return 0;
  return ENTRY_BYTES + 2 * (clientId.length + (entry.owner?.state.length ?? 0));
}
