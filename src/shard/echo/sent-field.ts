import type { SetOperation } from '../../protocol/operations.js';
import type { Lifted } from '../../protocol/encode.js';
import type { PendingEcho } from './echo-schedule.js';

const nobody: Lifted = [];
const noEchoes: SessionEcho[] = [];
const nothing: readonly PendingEcho[] = [];

/** What one session alone was sent of a field, and what it is still owed. */
export interface SessionEcho {
  readonly session: number;
  /** Stamp of the last echo or answer to a lost write; 0 if there was none. */
  stamp: number;
  /** When that was sent, in ms since the epoch. */
  at: number;
  pending: PendingEcho | undefined;
}

/** Sessions of a field that are remembered one by one, and client ids. */
const MAX_SESSIONS = 8;
const MAX_WRITERS = 4;

/**
 * Which stamps of a field were sent to whom. A write is published to all, or to all but its writer; so two stamps tell
 * exactly what each session was sent, whatever their number.
 */
export class SentField {
  /** Largest stamp that was sent to all but `#except`. */
  #stamp: number;
  /** A session, or 0 for nobody. */
  #except = 0;
  /** Largest stamp that `#except` was sent too. */
  #others = 0;
  /** Whether it was written since it was last looked at for forgetting. */
  isTouched = false;
  /** Largest stamp that this node gave to a write of another node. */
  remote = 0;
  /** Largest stamp that anybody was sent of it and that was not a write's own. */
  fresh = 0;
  /** Who wrote the value, if it came from a client of this node, and the count that it bore then. */
  clientId: string | undefined;
  counter = 0;
  /** The session that it came from, or 0. */
  session = 0;
  /** Whether this node gave that write its date. */
  isDated = false;
  /** Client ids that count and have written it, the last one in front. */
  writers: Lifted = nobody;
  #echoes: SessionEcho[] = noEchoes;
  /** The last answer to a read that the field was left out of, and what the session was answered before. */
  #spared: { readonly session: number; readonly stamp: number; readonly before: number } | undefined;
  #pending = 0;

  /**
   * @param sent Stamp that anybody may have been sent of it; 0 when there was no such field.
   * @param born Stamp that the document had when the field was made; 0 when it may have been there for ever.
   */
  constructor(
    sent: number,
    readonly born: number,
  ) {
    this.#stamp = sent;
  }

  /** A client has written the value. */
  wrote({ clientId, counter }: Pick<SetOperation, 'clientId' | 'counter'>, session: number, isDated: boolean): void {
    this.session = session;
    this.clientId = clientId;
    this.counter = counter ?? 0;
    this.isDated = isDated;
    if (clientId !== undefined && counter !== undefined && clientId !== this.writers[0]) this.#addWriter(clientId);
  }

  #addWriter(clientId: string): void {
    const others = this.writers.filter((other) => other !== clientId);
    this.writers = [clientId, ...others.slice(0, MAX_WRITERS - 1)];
  }

  /** The field is left out of an answer to a read. @param before Stamp of the last one that it was not left out of. */
  spare(session: number, stamp: number, before: number): void {
    this.#spared = { session, stamp, before };
  }

  /** The stamp that a session was sent the field with by reads. @param read That of its last answer. */
  readWith(session: number, read: number): number {
    const spared = this.#spared;
    return spared?.session === session && spared.stamp === read ? spared.before : read;
  }

  /** The field was published to all sessions but one (0: to all). */
  published(stamp: number, except: number): void {
    if (except !== this.#except) {
      this.#others = this.#stamp;
      this.#except = except;
    }
    this.#stamp = stamp;
  }

  /** The field was published to all with a stamp of this node's that is not the write's own. */
  republished(stamp: number): void {
    this.published(stamp, 0);
    this.remote = stamp;
    this.fresh = stamp;
    this.clientId = undefined;
    this.session = 0;
  }

  /** The largest stamp of this field that a session was sent, answers to its reads aside. */
  sentTo(session: number): number {
    const published = session === this.#except ? this.#others : this.#stamp;
    return Math.max(published, this.echoOf(session)?.stamp ?? 0);
  }

  echoOf(session: number): SessionEcho | undefined {
    for (const echo of this.#echoes) if (echo.session === session) return echo;
    return undefined;
  }

  /** The session alone was sent the field. @returns What it was still owed and is not any more. */
  echoed(session: number, stamp: number, now: number): PendingEcho | undefined {
    const echo = this.#of(session);
    echo.stamp = stamp;
    echo.at = now;
    this.fresh = Math.max(this.fresh, stamp);
    return this.#take(echo);
  }

  /** Remembers what a session is owed. */
  owe(session: number, pending: PendingEcho): void {
    const echo = this.#of(session);
    if (echo.pending === undefined) this.#pending++;
    echo.pending = pending;
  }

  /** The session is owed nothing any more. @returns What it was owed. */
  forgive(session: number): PendingEcho | undefined {
    const echo = this.#pending === 0 ? undefined : this.echoOf(session);
    return echo === undefined ? undefined : this.#take(echo);
  }

  /** What sessions are owed, of all but one (0: of all); `forgive` them what they get otherwise. */
  owed(except: number): readonly PendingEcho[] {
    if (this.#pending === 0) return nothing;
    const owed: PendingEcho[] = [];
    for (const { session, pending } of this.#echoes)
      if (session !== except && pending !== undefined) owed.push(pending);
    return owed;
  }

  #take(echo: SessionEcho): PendingEcho | undefined {
    const { pending } = echo;
    if (pending === undefined) return undefined;
    echo.pending = undefined;
    this.#pending--;
    return pending;
  }

  #of(session: number): SessionEcho {
    const known = this.echoOf(session);
    if (known !== undefined) return known;
    if (this.#echoes.length >= MAX_SESSIONS) this.#forgetOne();
    const echo: SessionEcho = { session, stamp: 0, at: 0, pending: undefined };
    if (this.#echoes === noEchoes) this.#echoes = [echo];
    else this.#echoes.push(echo);
    return echo;
  }

  /** What is not known of one must be assumed of all: at worst that costs an echo. */
  #forgetOne(): void {
    const place = this.#echoes.findIndex(({ pending }) => pending === undefined);
    const [forgotten] = place === -1 ? [] : this.#echoes.splice(place, 1);
    if (forgotten === undefined) return;
    this.#stamp = Math.max(this.#stamp, forgotten.stamp);
    this.#others = Math.max(this.#others, forgotten.stamp);
  }
}
