import type { FieldsStore, TextStore } from '@synckit/core-wasm';
import { ProtocolError } from '../errors.js';
import type { ShardMetrics } from '../metrics/shard-metrics.js';
import type { LongStrings } from '../protocol/json/long-string.js';
import { messageIdOf, parseMessage, type Message } from '../protocol/message.js';
import { parseOperations } from '../protocol/operations.js';
import { isWrite, recordKinds, type TaskGroup, type WriteRecord } from '../messages/task.js';
import type { PendingAck } from './commit/batch.js';
import type { Committer } from './commit/committer.js';
import { keyOf, type DirtyFields, type WriteKey } from './commit/dirty-fields.js';
import type { PublishGate } from './commit/publish-gate.js';
import { Dating } from './fields/dating.js';
import type { LoadedDocument } from './documents/documents.js';
import type { Echoes } from './echo/echoes.js';
import { answerLosers, echoOf, liftedBy, publishChanges, shownOf } from './frames.js';
import { checkSets, type SetChecks } from './fields/check-sets.js';
import { Merge, type MergeLimits, type MergeOptions } from './fields/merge.js';
import type { Outbox } from './outbox.js';
import { claimedCommits, partialVariants, whenShown, type FlushClaims } from './resume/flush-claims.js';
import type { DocumentTags } from './http/document-tags.js';
import { changesText, type HttpOperations } from './http/http-operations.js';
import { HTTP_MESSAGE_ID, parseHttpWrite, type ParseHttpWrite } from './http/parse-write.js';
import { headOf } from './record.js';
import type { StampClock } from './fields/stamp.js';
import { answerTexts, relayOperations } from './text/text-frames.js';
import type { ReplaceLimits } from './text/replace/replace-text.js';
import { TextAuthors } from './text/replace/text-authors.js';
import { openText, TextJoin } from './text/text-join.js';
import type { OpenGroup } from './open-task.js';

export interface WritesOptions extends SetChecks {
  readonly core: FieldsStore;
  readonly texts: TextStore;
  readonly strings?: LongStrings | undefined;
  readonly clock: StampClock;
  readonly committer: Committer;
  readonly dirty: DirtyFields;
  readonly gate: Pick<PublishGate, 'show' | 'showFields'>;
  readonly outbox: Outbox;
  readonly echoes: Echoes;
  readonly metrics: ShardMetrics;
  readonly tags: DocumentTags;
  readonly limits: MergeLimits;
  readonly maxValueDepth: number;
  readonly replaceLimits: ReplaceLimits;
  /** Bytes of changes waiting to be durable, above which writes are refused. */
  readonly maxPendingBytes: number;
  /** Operations that other nodes are to relay too. */
  readonly onRelay: (document: LoadedDocument, relays: readonly string[]) => void;
  /** Answers a record that is refused. */
  readonly refuse: (record: WriteRecord, documentId: string, error: unknown, message: Message | undefined) => void;
}

/** Merges the writes of one flush of a document, gives them to the committer and publishes what changed. */
export class Writes {
  readonly #options: WritesOptions;
  readonly #authors = new TextAuthors();
  readonly #parseOptions: ParseHttpWrite;
  readonly #mergeOptions: MergeOptions;

  constructor(options: WritesOptions) {
    this.#options = options;
    const { core, clock, limits, nodeId, echoes, dirty } = options;
    this.#mergeOptions = { core, clock, limits, nodeId, echoes, dirty, dating: new Dating(core, clock) };
    this.#parseOptions = { ...options, startedAt: Date.now(), nextStamp: (document) => this.nextStamp(document) };
  }

  /** @returns Whether there were any that changed the document. */
  process(document: LoadedDocument, group: TaskGroup, openGroup: OpenGroup): boolean {
    const { core, texts, clock, committer, gate, outbox, echoes } = this.#options;
    // Before the writes, so that none of them has it and all are above it.
    const unprovable = (group.variants & partialVariants) === 0 ? 0 : this.nextStamp(document);
    const merge = new Merge(this.#mergeOptions, document);
    const text = new TextJoin(texts, () => (document.text ??= openText(texts)), document.keepsHistory);
    const acks: PendingAck[] = [];
    const started = performance.now();
    const textBytes = this.#textBytes(document);
    let place = 0;
    for (const record of group.records) {
      place++;
      if (!isWrite(record)) continue;
      const ack = this.#write(document, merge, text, record, group, openGroup, place);
      if (ack !== undefined) acks.push(ack);
    }
    this.#dropEmptyText(document);
    // A message may be refused for its second text when the first is joined already.
    if (acks.length === 0 && !text.changed) return false;
    const receivedAt = acks[0]?.receivedAt ?? 0;
    for (const write of merge.changed.values()) committer.write(document, write, merge.replaced?.get(write.path));
    if (text.changed || (text.senders.size > 0 && this.#isUnwritten(document))) {
      committer.writeText(document, this.#textBytes(document) - textBytes);
    }
    this.#decideEchoes(document, merge);
    this.#dropAnswered(document, merge);
    const last = [...merge.changed.values()].at(-1);
    if (last !== undefined) document.commits.shown.add(last.stamp, last.clientId);
    const commits = claimedCommits(core, document, outbox.now);
    const claims = { commits, isEarly: committer.isDirty(document), unprovable };
    const lone = group.writerOnly && merge.losers.size === 0 && text.senders.size === 0 ? acks[0] : undefined;
    if (lone !== undefined) this.#echoLone(document, merge, group.variants, claims, lone);
    else this.#publish(document, merge, group.variants, claims, receivedAt);
    for (const ack of acks) committer.addAck(ack);
    if (document.text !== undefined && text.senders.size > 0) {
      if (text.changed) document.stamp = clock.next(document.stamp, text.clockMax, outbox.now);
      const { handle } = document.text;
      const answer = { outbox, core: texts, handle, documentId: document.id, server: document.stamp, receivedAt };
      gate.show(document, 'text', () => {
        answerTexts(answer, text, group.variants);
      });
    }
    if (merge.losers.size > 0) this.#answerLosers(document, merge);
    if (merge.operations > 0) echoes.settle(document);
    this.#count(merge, text, acks.length, performance.now() - started);
    if (merge.changed.size === 0 && !text.changed) return false;
    document.changedAt = document.stamp;
    return true;
  }

  /** Sends what changed to all but those who show it already. */
  #publish(document: LoadedDocument, merge: Merge, wanted: number, claims: FlushClaims, receivedAt: number): void {
    const { gate, outbox } = this.#options;
    const routing = {
      exceptOf: (path: string) => merge.authors.get(path)?.except ?? 0,
      liftedBy: liftedBy(document, merge.changed, outbox.now, (path) => merge.authors.get(path)?.sent),
    };
    gate.showFields(document, {
      paths: merge.changed.keys(),
      send: (isShown, isStored) => {
        outbox.release(document.id);
        const shown = shownOf(merge.changed, isShown);
        publishChanges(outbox, document, shown, wanted, receivedAt, whenShown(claims, isStored), undefined, routing);
      },
    });
  }

  /** Sends the only subscriber what hides its writes: no later than the ack of the first of them. */
  #echoLone(document: LoadedDocument, merge: Merge, wanted: number, claims: FlushClaims, ack: PendingAck): void {
    const { gate, outbox } = this.#options;
    const hidden = [...merge.changed.values()].filter(({ path }) => merge.authors.get(path)?.except === 0);
    if (hidden.length === 0) {
      if (merge.changed.size > 0) outbox.changed(document.id);
      return;
    }
    gate.showFields(document, {
      paths: hidden.map(({ path }) => path),
      send: (isShown, isStored) => {
        const shown = hidden.filter(({ path }) => isShown(path));
        const { session } = ack.origin;
        const echo = echoOf(outbox, document.id, shown, wanted, session, whenShown(claims, isStored));
        if (isStored) {
          echo.send();
          return;
        }
        ack.echo = echo;
        outbox.hold(echo);
      },
    });
  }

  /** Decides for each changed field whether its author is sent it. */
  #decideEchoes(document: LoadedDocument, { changed, authors }: Merge): void {
    const { echoes, outbox } = this.#options;
    for (const write of changed.values()) {
      const author = authors.get(write.path);
      if (author !== undefined) author.except = echoes.publishes(document, write, author, outbox.now);
    }
  }

  /** Forgets what lost where the writer was sent what won by an answer to a read. */
  #dropAnswered(document: LoadedDocument, merge: Merge): void {
    for (const [session, { paths }] of merge.losers) {
      for (const [path, write] of paths) {
        if (!this.#options.echoes.isAnswered(document, path, session, write)) paths.delete(path);
      }
      if (paths.size === 0) merge.dropLoser(session);
    }
  }

  #answerLosers(document: LoadedDocument, { losers }: Merge): void {
    const { core, committer, echoes, gate, outbox } = this.#options;
    const stamp = this.nextStamp(document);
    gate.showFields(document, {
      paths: [...losers.values()].flatMap(({ paths }) => [...paths.keys()]),
      isPresent: true,
      send: (isShown, isStored) => {
        const isDirty = !isStored && committer.isDirty(document);
        answerLosers(outbox, core, document, losers.values(), stamp, isDirty, isShown);
      },
    });
    for (const { origin, paths } of losers.values()) {
      for (const path of paths.keys()) echoes.answers(document, path, origin.session, stamp, outbox.now);
    }
  }

  /** Whether the storage was not given all of a text, or refused it: an ack has to wait although nothing is new. */
  #isUnwritten({ text }: LoadedDocument): boolean {
    return text !== undefined && this.#options.texts.version(text.handle) !== text.stored;
  }

  /** A fresh L. @param seen The largest count that whoever gets it is known to have seen. */
  nextStamp(document: LoadedDocument, seen = 0): number {
    document.stamp = this.#options.clock.next(document.stamp, seen, this.#options.outbox.now);
    return document.stamp;
  }

  /** Merges the writes of a record; returns its ack, or nothing when it was refused. @param place In its group, from 1. */
  #write(
    document: LoadedDocument,
    merge: Merge,
    text: TextJoin,
    record: WriteRecord,
    { variants }: TaskGroup,
    openGroup: OpenGroup,
    place: number,
  ): PendingAck | undefined {
    const { committer, maxPendingBytes, maxValueDepth, outbox, refuse, strings } = this.#options;
    const { origin, receivedAt } = record;
    let message: Message | undefined;
    let operations: HttpOperations;
    let writes: readonly WriteKey[];
    try {
      if (record.kind === recordKinds.httpWrite) {
        operations = parseHttpWrite(record, document, this.#parseOptions);
      } else {
        message = parseMessage(record.payload, headOf(record), strings);
        operations = parseOperations(message, document.id, maxValueDepth);
      }
      if (document.erasedAt !== undefined && changesText(operations)) throw new ProtocolError('TEXT_ERASED');
      if (committer.pendingBytes > maxPendingBytes) throw new ProtocolError('STORAGE_UNAVAILABLE');
      const isNew = this.#isNew(document);
      if (isNew && record.mayNotCreate === true)
        throw new ProtocolError('RATE_LIMIT_EXCEEDED', 'too many new documents');
      writes = this.#apply(document.id, operations, merge, text, record);
      if (isNew && !this.#isNew(document)) outbox.created(origin);
    } catch (error) {
      refuse(record, document.id, error, message);
      openGroup.settleRecord();
      return undefined;
    }
    const { relays } = operations;
    // They are no join: whoever gets one twice counts it twice.
    if (relays.length > 0 && record.isRelayed !== true) {
      this.#options.metrics.relayed.add(relays.length);
      this.#options.gate.show(document, 'relays', () => {
        relayOperations(outbox, document.id, relays, variants, origin.session, receivedAt);
        this.#options.onRelay(document, relays);
        openGroup.relayed(place);
      });
    }
    const messageId = message === undefined ? (operations.receipt ?? HTTP_MESSAGE_ID) : messageIdOf(message.fields);
    const isText = changesText(operations);
    return { origin, messageId, documentId: document.id, writes, text: isText, receivedAt, openGroup, echo: undefined };
  }

  /** Whether nothing was ever written into it, as far as that is known. */
  #isNew({ handle, text, horizon }: LoadedDocument): boolean {
    return text === undefined && horizon === undefined && this.#options.core.fieldCount(handle) === 0;
  }

  /** @returns What is written into fields. @throws ProtocolError With no field applied. */
  #apply(
    documentId: string,
    { sets, texts, content }: HttpOperations,
    merge: Merge,
    text: TextJoin,
    { origin, userId }: WriteRecord,
  ): readonly WriteKey[] {
    merge.check(sets);
    checkSets(this.#options, documentId, sets);
    for (const operation of texts) text.apply(operation, origin, userId);
    if (content !== undefined) {
      const result = text.replace(content, origin, this.#authors.next(), this.#options.replaceLimits, userId);
      this.#options.metrics.textReplacements(result).add(1);
    }
    return merge.apply(sets, origin, this.#options.outbox.now, userId).map(keyOf);
  }

  /** A state that was refused leaves no text behind where there was none. */
  #dropEmptyText(document: LoadedDocument): void {
    const { texts } = this.#options;
    if (document.text === undefined || texts.version(document.text.handle) > 0) return;
    texts.close(document.text.handle);
    document.text = undefined;
  }

  #textBytes({ text }: LoadedDocument): number {
    return text === undefined ? 0 : this.#options.texts.byteSize(text.handle);
  }

  #count(merge: Merge, text: TextJoin, messages: number, tookMs: number): void {
    const { metrics } = this.#options;
    metrics.mergeTime.observe(tookMs / 1_000);
    metrics.deltas.add(messages);
    metrics.operationsPerFlush.observe(merge.operations + text.operations);
    metrics.fieldsApplied.add(merge.applied);
    metrics.fieldsLost.add(merge.operations - merge.applied);
    metrics.textsJoined.add(text.operations);
  }
}
