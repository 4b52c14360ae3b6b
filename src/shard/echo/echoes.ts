import type { FieldsStore, FieldWrite } from '@synckit/core-wasm';
import type { ShardMetrics } from '../../metrics/shard-metrics.js';
import type { LoadedDocument } from '../documents/documents.js';
import type { PublishGate } from '../commit/publish-gate.js';
import { echoFields } from '../frames.js';
import type { LostWrite } from '../fields/loser.js';
import type { Outbox } from '../outbox.js';
import { EchoSchedule, sameFrom, type PendingEcho } from './echo-schedule.js';
import type { Author } from './author.js';
import { RememberedDocuments } from './remembered-documents.js';
import type { SentField } from './sent-field.js';

export interface EchoesOptions {
  readonly core: Pick<FieldsStore, 'get' | 'stampOf'>;
  readonly metrics: Pick<ShardMetrics, 'echoes' | 'echoFieldsForgotten'>;
  /** Fields of all documents that are remembered. */
  readonly maxFields: number;
  readonly outbox: Outbox;
  readonly gate: Pick<PublishGate, 'showFields'>;
  /** Gives a document a fresh L. */
  readonly nextStamp: (document: LoadedDocument) => number;
  readonly isDirty: (document: LoadedDocument) => boolean;
  readonly endTurn: () => void;
}

/**
 * A pause after which a writer is sent what it may not show, in ms: longer than a round trip and a key, so that who goes
 * on typing is not disturbed.
 */
const QUIET_MS = 1_000;
/** The same where it shows its write unless its client is not what it seems to be: longer than a client collects for. */
const UNSURE_MS = 5_000;
/** While an echo was sent so lately, in ms, what comes of its session may have been on its way already. */
const CROSSING_MS = 300;
/** The same where the write's clock says that its writer had not seen the echo, or where it has no clock. */
const LONG_CROSSING_MS = 10_000;
/** A session that writes without a pause, and seems to see no echo, is sent one after so many ms all the same. */
const LONGEST_WAIT_MS = 5_000;
/** Nobody writes on what it was sent so lately, in ms. */
const HEELS_MS = 30;
const TICKS_PER_MS = 1024;

/**
 * Which writers are sent their own writes. A client shows its write at once, unless it was sent the field with a stamp at
 * or above the write's own count; whatever it is sent later hides it. So a write that its writer shows is published to all
 * others, and one that is hidden to him too: his count is raised by it, so that his next writes are shown.
 */
export class Echoes {
  readonly #options: EchoesOptions;
  readonly #sent;
  readonly #spared;
  readonly #quiet: EchoSchedule;
  readonly #unsure: EchoSchedule;
  readonly #documents: RememberedDocuments;

  constructor(options: EchoesOptions) {
    this.#options = options;
    this.#documents = new RememberedDocuments(options.maxFields);
    this.#sent = options.metrics.echoes('sent');
    this.#spared = options.metrics.echoes('spared');
    const send = (due: readonly PendingEcho[]): void => {
      this.#send(due);
      options.endTurn();
    };
    this.#quiet = new EchoSchedule(QUIET_MS, send);
    this.#unsure = new EchoSchedule(UNSURE_MS, send);
  }

  close(): void {
    this.#quiet.close();
    this.#unsure.close();
  }

  /** What is known of a field that is about to be written. */
  fieldOf(document: LoadedDocument, path: string): SentField {
    const { sends } = document;
    const known = sends.field(path);
    if (known !== undefined) {
      known.isTouched = true;
      return known;
    }
    this.#documents.addField(document);
    // A field that is not there may have been there, and been sent, before its tombstone was purged.
    const stored = this.#options.core.get(document.handle, path)?.stamp ?? document.horizon?.stamp;
    return sends.remember(path, stored, document.stamp);
  }

  /**
   * Takes note that a write is published now.
   *
   * @returns The session that is not sent it, or 0.
   */
  publishes(document: LoadedDocument, write: FieldWrite, author: Author, now: number): number {
    const { sent } = author;
    const { session } = author.origin;
    const isEchoed = this.#decide(document, write, author, sent, now);
    const except = isEchoed ? 0 : session;
    for (const echo of sent.owed(except)) this.#forgive(sent, echo);
    if (isEchoed) sent.echoed(session, write.stamp, now);
    sent.published(write.stamp, except);
    (isEchoed ? this.#sent : this.#spared).add(1);
    return except;
  }

  /** Whether the writer is sent the write; if not, it may be owed an echo. */
  #decide(document: LoadedDocument, write: FieldWrite, author: Author, sent: SentField, now: number): boolean {
    const { origin, counter, clockMax } = author;
    const stamp = document.sends.sentTo(origin.session, sent);
    // A state without the field removes it where that is how a client reads it.
    const read = document.sends.readBy(origin.session);
    const lately = (now - LONG_CROSSING_MS) * TICKS_PER_MS;
    if (counter === undefined) {
      // Nothing to compare with: what it was sent lately may have crossed the write.
      const published = sent.sentTo(origin.session);
      const isFresh = published > lately && published > document.sends.wasRead(origin.session);
      if (isFresh) this.#owe(document, write.path, author, sent, now, this.#quiet);
      else if (Math.max(stamp, read) > lately) this.#owe(document, write.path, author, sent, now, this.#unsure);
      else this.#settle(sent, origin.session);
      return false;
    }
    if (counter > stamp) {
      // It was never sent the field here; but it has seen larger stamps, on another node perhaps, or before a crash; or a
      // state without the field is on its way to it, and hides a write of the same count.
      const isSure = stamp > 0 || (clockMax <= counter && read < counter);
      if (isSure) this.#settle(sent, origin.session);
      else this.#owe(document, write.path, author, sent, now, this.#unsure);
      return false;
    }
    const hasCrossed = this.#hasCrossed(document, sent, author, now);
    if (hasCrossed) this.#owe(document, write.path, author, sent, now, this.#quiet);
    return !hasCrossed;
  }

  /** Whether a write may have been on its way when its session was sent the field, and with it a larger count. */
  #hasCrossed(document: LoadedDocument, sent: SentField, { origin, clockMax }: Author, now: number): boolean {
    const lately = (now - LONG_CROSSING_MS) * TICKS_PER_MS;
    const echo = sent.echoOf(origin.session);
    // An answer to a read that crossed the first write is echoed at once: until then each of its writes is hidden.
    if (echo === undefined) return false;
    if (now - echo.at < CROSSING_MS || (clockMax < echo.stamp && echo.stamp > lately)) return true;
    // An echo on the heels of an answer to a read is one with it.
    const read = document.sends.wasRead(origin.session);
    return clockMax < read && read > lately && read < (now - HEELS_MS) * TICKS_PER_MS;
  }

  /**
   * Whether a session whose write lost is to be sent the field: it is not where the value is a later write of its own. Nor
   * where it is that write, sent again, or a later one that the client made on a former connection, and an answer to a
   * read has brought it.
   */
  isAnswered(document: LoadedDocument, path: string, session: number, operation: LostWrite): boolean {
    const { clientId, counter, value } = operation;
    const { sends } = document;
    const sent = this.fieldOf(document, path);
    if (counter === undefined || clientId !== sent.clientId || counter > sent.counter) return true;
    if (session === sent.session && counter < sent.counter) return false;
    const present = this.#options.core.get(document.handle, path);
    // Some clients never count on.
    if (present === undefined || (counter === sent.counter && value !== present.value)) return true;
    const read = sends.wasRead(session);
    return session !== sent.session && (read <= counter || read < sends.shownWith(sent, present.stamp));
  }

  /** The sessions whose writes lost are sent the field, each by itself, with this stamp. */
  answers(document: LoadedDocument, path: string, session: number, stamp: number, now: number): void {
    const pending = this.fieldOf(document, path).echoed(session, stamp, now);
    if (pending !== undefined) this.#drop(pending);
  }

  /** Fields are published to all with a stamp that is not their own. */
  republished(document: LoadedDocument, paths: Iterable<string>, stamp: number): void {
    document.sends.published(stamp);
    for (const path of paths) {
      const sent = document.sends.field(path);
      if (sent === undefined) continue;
      for (const echo of sent.owed(0)) this.#forgive(sent, echo);
      sent.republished(stamp);
    }
  }

  /** Ends a flush: forgets what is too much. */
  settle(document: LoadedDocument): void {
    const { sends } = document;
    sends.isTouched = true;
    const before = sends.size;
    this.#sendNow(sends.trim());
    this.#forgot(before - sends.size);
    for (const excess of this.#documents.excess(document)) this.#forget(excess);
  }

  /** Sends what is owed of a document that is to be unloaded. @returns Whether there was anything. */
  sendOwed(document: LoadedDocument): boolean {
    if (document.sends.pending === 0) return false;
    this.#sendNow(document.sends.owed());
    return true;
  }

  /** The document is deleted or erased: nobody is sent what it held. */
  ended(document: LoadedDocument): void {
    for (const echo of document.sends.owed()) this.#drop(echo);
  }

  /** The document is unloaded; nothing of it is owed. */
  closed(document: LoadedDocument): void {
    if (this.#documents.delete(document)) this.#documents.dropFields(document.sends.size);
  }

  #forget(document: LoadedDocument): void {
    const { sends } = document;
    const before = sends.size;
    this.#sendNow(sends.clear(document.stamp));
    this.#documents.delete(document);
    this.#forgot(before - sends.size);
  }

  #forgot(fields: number): void {
    if (fields === 0) return;
    this.#documents.dropFields(fields);
    this.#options.metrics.echoFieldsForgotten.add(fields);
  }

  #owe(
    document: LoadedDocument,
    path: string,
    { origin, clientId }: Author,
    sent: SentField,
    now: number,
    schedule: EchoSchedule,
  ): void {
    const owed = sent.echoOf(origin.session)?.pending;
    if (owed === undefined) {
      const echo: PendingEcho = { handle: document.handle, path, origin, clientId, since: now, due: now, schedule };
      sent.owe(origin.session, echo);
      document.sends.pending++;
      if (schedule === this.#quiet) document.sends.doubt(path);
      schedule.postpone(echo, now);
      return;
    }
    owed.origin = origin;
    owed.clientId = clientId;
    if (schedule === this.#unsure || now - owed.since < LONGEST_WAIT_MS) schedule.postpone(owed, now);
  }

  /** The session shows what the field holds. */
  #settle(sent: SentField, session: number): void {
    const owed = sent.forgive(session);
    if (owed !== undefined) this.#drop(owed);
  }
  #forgive(sent: SentField, echo: PendingEcho): void {
    sent.forgive(echo.origin.session);
    this.#drop(echo);
  }

  #drop(echo: PendingEcho): void {
    echo.schedule.cancel(echo);
    this.#documents.get(echo.handle).sends.pending--;
  }

  /** Sends what is owed before it is forgotten. */
  #sendNow(echoes: readonly PendingEcho[]): void {
    for (const echo of echoes) echo.schedule.cancel(echo);
    this.#send(echoes);
  }

  #send(echoes: readonly PendingEcho[]): void {
    for (let at = 0; at < echoes.length;) {
      const group = sameFrom(echoes, at);
      at += group.length;
      this.#sendOne(group);
    }
  }

  /** @param echoes Of one document and session. */
  #sendOne(echoes: readonly PendingEcho[]): void {
    const [first] = echoes;
    if (first === undefined) return;
    const document = this.#documents.get(first.handle);
    const { origin } = first;
    document.sends.pending -= echoes.length;
    const { core, gate, outbox, nextStamp, isDirty } = this.#options;
    const stamp = nextStamp(document);
    gate.showFields(document, {
      paths: echoes.map(({ path }) => path),
      isPresent: true,
      send: (isShown, isStored) => {
        const shown = echoes.filter(({ path }) => isShown(path));
        const values = shown.map(({ path }) => core.get(document.handle, path)).filter((value) => value !== undefined);
        echoFields(outbox, document.id, first, values, stamp, !isStored && isDirty(document));
      },
    });
    for (const { path } of echoes) {
      const sent = document.sends.field(path);
      if (sent === undefined) document.sends.echoed(stamp);
      else sent.echoed(origin.session, stamp, Date.now());
    }
    this.#options.metrics.echoes('late').add(echoes.length);
  }
}
