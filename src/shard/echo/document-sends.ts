import type { Lifted } from '../../protocol/encode.js';
import { SentField } from './sent-field.js';
import type { PendingEcho } from './echo-schedule.js';

/** A session that has written the document. */
interface Writer {
  /** Largest stamp of an answer to a read that it was sent, or may have been. */
  readStamp: number;
  /** The client id that it counts with, if it does. */
  clientId: string | undefined;
  /** When it wrote last, in ms since the epoch. */
  at: number;
}

/** Fields and writers that are remembered per document. */
const MAX_FIELDS = 1_024;
const MAX_WRITERS = 32;
const MAX_READERS = 32;
/** Fields of which it is remembered that a writer was owed them. */
const MAX_DOUBTFUL = 256;
/** Client ids whose counters an update raises, and how long after their last write. */
const MAX_LIFTED = 4;
const LIFT_MS = 60_000;
/** Client ids known to write on other nodes; with more of them no counter is raised. */
const MAX_REMOTE_IDS = 64;
const nobody: Lifted = [];
const nothing: readonly PendingEcho[] = [];

/** What of a document was sent to whom, as far as a session's next write depends on it. Bounded, and never too little. */
export class DocumentSends {
  /** By name; those that were not written lately come first, about. */
  readonly #fields = new Map<string, SentField>();
  /** By session, the one that wrote least recently first. */
  readonly #writers = new Map<number, Writer>();
  #lastWriter = 0;
  /** By session, the stamp of the last answer to a read, the oldest first. */
  readonly #readers = new Map<number, number>();
  readonly #remoteIds = new Set<string>();
  /** Anybody may have been sent a field that is not remembered with a stamp up to this, or up to its own. */
  #floor: number;
  /** Who has not seen this stamp may not have seen what other nodes wrote. */
  #remoteFloor: number;
  /** Largest stamp of an answer to a read. */
  #readStamp: number;
  /** A stamp above all that was sent of the document before it was loaded. */
  readonly loadedAt: number;
  /** Fields that a writer was owed, the oldest first: its connection may have ended before it was sent them. */
  readonly #doubtful = new Set<string>();
  /** There were more of them than are remembered. */
  #allDoubtful = false;
  /** Echoes that are owed. */
  pending = 0;
  /** Whether it was written since it was last looked at for forgetting. */
  isTouched = false;

  /**
   * @param floor A stamp above all that was sent of the document before it was loaded.
   * @param remoteFloor The same, if what was loaded may bear stamps of other nodes, else 0.
   */
  constructor(floor: number, remoteFloor: number) {
    this.loadedAt = floor;
    this.#floor = floor;
    this.#readStamp = floor;
    this.#remoteFloor = remoteFloor;
  }

  /** Fields that are remembered. */
  get size(): number {
    return this.#fields.size;
  }

  field(path: string): SentField | undefined {
    return this.#fields.get(path);
  }

  /**
   * Remembers a field that is about to be written.
   *
   * @param stored The stamp of its present value; undefined when there is no such field.
   * @param last The document's last stamp.
   */
  remember(path: string, stored: number | undefined, last: number): SentField {
    const sent =
      stored === undefined
        ? new SentField(0, Math.max(last, this.#readStamp))
        : new SentField(Math.max(stored, this.#floor), 0);
    this.#fields.set(path, sent);
    return sent;
  }

  /** Forgets fields that were not written lately, while there are too many. @returns What was owed of them. */
  trim(): readonly PendingEcho[] {
    if (this.#fields.size <= MAX_FIELDS) return nothing;
    const owed: PendingEcho[] = [];
    for (const [path, sent] of this.#fields) {
      if (this.#fields.size <= MAX_FIELDS) break;
      this.#fields.delete(path);
      if (sent.isTouched) {
        // Once round more: cheaper than moving it at each write.
        sent.isTouched = false;
        this.#fields.set(path, sent);
        continue;
      }
      this.#floor = Math.max(this.#floor, sent.fresh);
      this.#remoteFloor = Math.max(this.#remoteFloor, sent.remote);
      owed.push(...sent.owed(0));
    }
    return owed;
  }

  /** A writer is owed a field. */
  doubt(path: string): void {
    if (this.#doubtful.size < MAX_DOUBTFUL || this.#doubtful.has(path)) this.#doubtful.add(path);
    else this.#allDoubtful = true;
  }

  /**
   * Fields that a client may lack although its vector shows a later stamp of their writer.
   *
   * @param all All fields; asked when there are more than are remembered.
   */
  doubtful(all: () => Iterable<string>): Iterable<string> {
    return this.#allDoubtful ? all() : this.#doubtful;
  }

  /** What sessions are owed. */
  owed(): readonly PendingEcho[] {
    if (this.pending === 0) return nothing;
    return [...this.#fields.values()].flatMap((sent) => sent.owed(0));
  }

  /** Forgets all. @param stamp The document's last. @returns What was owed. */
  clear(stamp: number): readonly PendingEcho[] {
    const owed = this.owed();
    this.#fields.clear();
    this.#writers.clear();
    this.#lastWriter = 0;
    this.published(stamp);
    return owed;
  }

  /** A session was sent a field that is not remembered. */
  echoed(stamp: number): void {
    this.#floor = Math.max(this.#floor, stamp);
  }

  /** Fields that are not remembered were published to all with a fresh stamp. */
  published(stamp: number): void {
    this.#floor = Math.max(this.#floor, stamp);
    this.#remoteFloor = Math.max(this.#remoteFloor, stamp);
  }

  /** A session was answered a read: it was sent each field that there is. */
  read(session: number, stamp: number): void {
    this.#readStamp = stamp;
    const writer = this.#writers.get(session);
    if (writer !== undefined) writer.readStamp = stamp;
    this.#readers.delete(session);
    this.#readers.set(session, stamp);
    dropOldest(this.#readers, MAX_READERS);
  }

  /**
   * Leaves a field out of a read that a session is about to be answered with this stamp, if it has written it last: what it
   * has typed since may be on its way. @returns Whether it is left out.
   */
  spare(session: number, path: string, stamp: number): boolean {
    const sent = this.#fields.get(path);
    if (sent?.session !== session) return false;
    sent.spare(session, stamp, sent.readWith(session, this.readBy(session)));
    return true;
  }

  /** The stamp of an answer to a read that a session was certainly sent; 0 where none is known. */
  wasRead(session: number): number {
    return this.#readers.get(session) ?? 0;
  }

  /** A session has written. */
  wrote(session: number, clientId: string | undefined, now: number): void {
    let writer = this.#writers.get(session);
    if (writer !== undefined) {
      writer.clientId = clientId;
      writer.at = now;
      if (session === this.#lastWriter) return;
      this.#writers.delete(session);
    } else {
      writer = { readStamp: this.readBy(session), clientId, at: now };
    }
    this.#lastWriter = session;
    this.#writers.set(session, writer);
    dropOldest(this.#writers, MAX_WRITERS);
  }

  /** The largest stamp of an answer to a read that a session was sent, or may have been. */
  readBy(session: number): number {
    return this.#writers.get(session)?.readStamp ?? this.#readers.get(session) ?? this.#readStamp;
  }

  /** The largest stamp with which a session was sent a field. */
  sentTo(session: number, sent: SentField): number {
    const read = sent.readWith(session, this.readBy(session));
    const own = sent.sentTo(session);
    return read > sent.born && read > own ? read : own;
  }

  /** The stamp that who has seen the present value of a field has seen too. @param stored The value's own. */
  shownWith(sent: SentField, stored: number): number {
    return Math.max(stored, sent.remote, this.#remoteFloor);
  }

  /** A client writes on another node, too: what it wrote there may come late. */
  wroteElsewhere(clientId: string): void {
    if (this.#remoteIds.size <= MAX_REMOTE_IDS) this.#remoteIds.add(clientId);
  }

  /**
   * Client ids whose counters an update of a field raises: those that have written it, so that who sees the
   * update and goes on writing is above it at once.
   */
  liftedBy(sent: SentField): Lifted {
    if (sent.writers.length === 0 || this.#remoteIds.size === 0) return sent.writers;
    return sent.writers.filter((id) => this.#isLocal(id));
  }

  /** Client ids that have written other fields lately. */
  lifted(now: number): Lifted {
    if (this.#writers.size < 2) return nobody;
    const ids: string[] = [];
    for (const { clientId, at } of [...this.#writers.values()].reverse()) {
      if (ids.length === MAX_LIFTED || at < now - LIFT_MS) break;
      if (clientId !== undefined && this.#isLocal(clientId) && !ids.includes(clientId)) ids.push(clientId);
    }
    return ids;
  }

  /** Client ids whose counters the answer to a read raises. */
  liftedByRead(): ReadonlySet<string> {
    const ids = new Set<string>();
    for (const { clientId } of this.#writers.values()) {
      if (clientId !== undefined && this.#isLocal(clientId)) ids.add(clientId);
    }
    return ids;
  }

  /**
   * Whether all writes of a client id came through this node, in order, as far as is known: who sees its raised entry is
   * taken to have seen them.
   */
  #isLocal(clientId: string): boolean {
    return clientId !== 'server' && this.#remoteIds.size <= MAX_REMOTE_IDS && !this.#remoteIds.has(clientId);
  }
}

/** In O(1): at most one is too much. */
function dropOldest(entries: Map<number, unknown>, most: number): void {
  if (entries.size <= most) return;
  for (const oldest of entries.keys()) {
    entries.delete(oldest);
    return;
  }
}
