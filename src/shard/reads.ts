import type { FieldsStore, FieldWrite, TextStore } from '@synckit/core-wasm';
import { batchEntry, deltaBody, quote, type Body } from '../protocol/encode.js';
import type { ReadRecord, StateVectorRequest, SubscribeRequest } from '../messages/task.js';
import type { LoadedDocument } from './documents.js';
import { laterUpdate } from './frames.js';
import type { Outbox } from './outbox.js';
import { isBeforeHorizon } from './tombstones/horizon.js';

/**
 * An update of another node may come late, and its writer may have written here meanwhile: a client that saw the newer
 * write has not seen the older one. So the last minutes before what a client saw last of a writer are sent once more.
 */
export const LATE_UPDATE_MS = 600_000;

/** What answering a read needs; `nextStamp` gives the document a fresh L each time, above what the client has seen. */
export interface ReadContext {
  readonly outbox: Outbox;
  readonly core: FieldsStore;
  readonly texts: TextStore;
  readonly document: LoadedDocument;
  readonly nextStamp: (seen?: number) => number;
  /** The stamp up to which a client has seen all writes of a writer, when this is the last one it has seen of him. */
  readonly seenUpTo: (stamp: number) => number;
  /** Fields up to which the state is sent again as deltas to clients that may not read it from the response. */
  readonly replayMaxFields: number;
}

/** Answers `subscribe` and `sync_request`: the whole state, or what the client's vector has not seen. */
export function answerSubscribe(context: ReadContext, record: ReadRecord, request: SubscribeRequest): void {
  const { outbox, core, texts, document, replayMaxFields } = context;
  const server = context.nextStamp(largestOf(request.vector));
  // SDK 0.1.x speaks binary, never sends a batch, and does nothing with the state of a sync_response.
  const replay =
    record.origin.encoding === 'binary' &&
    !record.origin.supportsBatch &&
    request.vector === undefined &&
    core.liveCount(document.handle) > 0 &&
    core.fieldCount(document.handle) <= replayMaxFields;

  const head = `"id":${quote(outbox.nextId())},"requestId":${quote(request.requestId)},"documentId":"${document.id}"`;
  const tail = `,"clock":${responseClock(context, server, request.clientId)}`;
  outbox.answerWith(record, 'sync_response', !replay, (writer) => {
    writer.text(head);
    const { vector } = request;
    const isPurged = vector !== undefined && isBeforeHorizon(document, largestOf(vector));
    if (vector === undefined || isPurged) {
      writer.text(',"state":');
      writer.bytes(core.state(document.handle));
    }
    const changes = vector === undefined ? '' : unseen(context, server, isPurged ? [] : vector, request.clientId);
    writer.text(`,"deltas":[${changes}]`);
    if (document.text !== undefined) {
      writer.text(',"textState":"');
      writer.bytes(texts.state(document.text.handle, true));
      writer.text(`","textClock":${texts.clock(document.text.handle)}`);
    }
    writer.text(tail);
  });
  if (replay) replayState(context, record, request.clientId);
}

/** Answers `sync_step1` with the operations that the client's vector has not seen. */
export function answerStateVector(context: ReadContext, record: ReadRecord, request: StateVectorRequest): void {
  const { outbox, document } = context;
  const isPurged = isBeforeHorizon(document, largestOf(request.vector));
  const operations = unseen(context, context.nextStamp(largestOf(request.vector)), isPurged ? [] : request.vector);
  const body: Body = `"id":${quote(outbox.nextId())},"requestId":${quote(request.requestId)},"documentId":"${document.id}","operations":[${operations}]`;
  // Without it, nobody could tell which fields are gone.
  const state = isPurged ? `,"state":${Buffer.from(context.core.state(document.handle)).toString()}` : '';
  outbox.answer(record, 'sync_step2', body + state);
}

function replayState(context: ReadContext, record: ReadRecord, clientId: string | undefined): void {
  const { outbox, core, document } = context;
  const server = context.nextStamp();
  const live = core.changesSince(document.handle, new Map()).filter((write) => !write.deleted);
  live.forEach((write, i) => {
    const lifted = i === live.length - 1 ? [...document.sends.liftedByRead()] : undefined;
    const body = deltaBody(outbox.nextId(), document.id, laterUpdate(write, server), clientId, lifted);
    outbox.answer(record, 'delta', body, i === live.length - 1);
  });
}

function unseen(
  { core, document, seenUpTo }: ReadContext,
  server: number,
  vector: readonly (readonly [string, number])[],
  clientId?: string,
): string {
  // What was sent before the document was loaded is not known, nor to whom an echo was owed: a client that heard of it
  // then only may show an older value of its own, although its own entry is larger.
  const [, last = Infinity] = vector.find(([writer]) => writer === 'server') ?? [];
  const isKnown = last >= document.sends.loadedAt;
  const seen = new Map(isKnown ? vector.map(([writer, stamp]) => [writer, seenUpTo(stamp)]) : []);
  const changes = core.changesSince(document.handle, seen);
  // A vector without an entry for the server is none that this server's clocks add up to, and taken at its word.
  const doubtful = isKnown && last !== Infinity ? doubtfulBesides(core, document, changes) : [];
  return [...changes, ...doubtful]
    .map((write) => batchEntry(document.id, laterUpdate(write, server), write.timestamp, clientId))
    .join(',');
}

/** Fields that a writer was owed, as far as they are not among the changes. */
function doubtfulBesides(core: FieldsStore, document: LoadedDocument, changes: readonly FieldWrite[]): FieldWrite[] {
  const paths = new Set(
    document.sends.doubtful(() => core.changesSince(document.handle, new Map()).map(({ path }) => path)),
  );
  for (const { path } of changes) paths.delete(path);
  return Array.from(paths, (path) => core.get(document.handle, path)).filter((write) => write !== undefined);
}

/** A client that comes from a node whose clock is ahead would take nothing from this one for that long. */
function largestOf(vector: readonly (readonly [string, number])[] = []): number {
  return vector.reduce((largest, [, count]) => Math.max(largest, count), 0);
}

/**
 * The fresh L; the stamp of each writer that holds a field, or the fresh L where it has written here lately: it may be the
 * one that asks, and goes on writing; and the fresh L for the client itself where it is known.
 */
function responseClock({ core, document }: ReadContext, server: number, clientId: string | undefined): string {
  let clock = `{"server":${server}`;
  const lifted = document.sends.liftedByRead();
  for (const writer of core.writers(document.handle)) {
    if (writer.clientId === 'server' || writer.clientId === clientId) continue;
    const id = quote(writer.clientId);
    clock += `,${id}:${lifted.has(id) ? server : writer.stamp}`;
  }
  if (clientId !== undefined && clientId !== 'server') clock += `,${quote(clientId)}:${server}`;
  return clock + '}';
}
