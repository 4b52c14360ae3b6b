import type { SetOperation } from '../../protocol/operations.js';
import { quote, type Lifted } from '../../protocol/encode.js';
import type { PendingEcho } from './echo-schedule.js';

const nobody: Lifted = [];

/** What one session alone was sent of a field, and what it is still owed. */
export interface SessionEcho {
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
  /** Client ids that count and have written it, as JSON, the last one in front. */
  writers: Lifted = nobody;
  #echoes: Map<number, SessionEcho> | undefined;

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
    if (clientId !== undefined && counter !== undefined) this.#addWriter(quote(clientId));
  }

  #addWriter(clientId: string): void {
    if (this.writers[0] === clientId) return;
    const others = this.writers.filter((other) => other !== clientId);
    this.writers = [clientId, ...others.slice(0, MAX_WRITERS - 1)];
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
    return Math.max(published, this.#echoes?.get(session)?.stamp ?? 0);
  }

  echoOf(session: number): SessionEcho | undefined {
    return this.#echoes?.get(session);
  }

  /** The session alone was sent the field. @returns What it was still owed and is not any more. */
  echoed(session: number, stamp: number, now: number): PendingEcho | undefined {
    const echo = this.#of(session);
    const { pending } = echo;
    echo.stamp = stamp;
    echo.at = now;
    echo.pending = undefined;
    this.fresh = Math.max(this.fresh, stamp);
    return pending;
  }

  /** Remembers what a session is owed. */
  owe(session: number, pending: PendingEcho): void {
    this.#of(session).pending = pending;
  }

  /** The session is owed nothing any more. @returns What it was owed. */
  forgive(session: number): PendingEcho | undefined {
    const echo = this.#echoes?.get(session);
    const pending = echo?.pending;
    if (echo !== undefined) echo.pending = undefined;
    return pending;
  }

  /** What sessions are owed, of all but one (0: of all); `forgive` them what they get otherwise. */
  *owed(except: number): Generator<PendingEcho> {
    if (this.#echoes === undefined) return;
    for (const [session, { pending }] of this.#echoes) {
      if (session !== except && pending !== undefined) yield pending;
    }
  }

  #of(session: number): SessionEcho {
    this.#echoes ??= new Map();
    let echo = this.#echoes.get(session);
    if (echo !== undefined) return echo;
    if (this.#echoes.size >= MAX_SESSIONS) this.#forgetOne(this.#echoes);
    this.#echoes.set(session, (echo = { stamp: 0, at: 0, pending: undefined }));
    return echo;
  }

  /** What is not known of one must be assumed of all: at worst that costs an echo. */
  #forgetOne(echoes: Map<number, SessionEcho>): void {
    for (const [session, { stamp, pending }] of echoes) {
      if (pending !== undefined) continue;
      echoes.delete(session);
      this.#stamp = Math.max(this.#stamp, stamp);
      this.#others = Math.max(this.#others, stamp);
      return;
    }
  }
}
