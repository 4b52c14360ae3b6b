import type { FieldsStore, TextStore } from '@synckit/core-wasm';
import { claimsJson, isClaim, type Claims } from '../../protocol/claims.js';
import { batchEntry, deltaBody, quote, type Body } from '../../protocol/encode.js';
import type { ReadRecord, StateVectorRequest, SubscribeRequest } from '../../messages/task.js';
import type { LoadedDocument } from '../documents/documents.js';
import { laterUpdate } from '../frames.js';
import type { Outbox } from '../outbox.js';
import type { Snapshots } from './snapshots.js';
import { resumeIdOfAnswer } from '../resume/resume-id.js';
import { unseenBy, type Unseen } from '../resume/unseen.js';

/** What answering a read needs; `nextStamp` gives the document a fresh L each time, above what the client has seen. */
export interface ReadContext {
  readonly outbox: Outbox;
  readonly core: FieldsStore;
  readonly texts: TextStore;
  readonly snapshots: Pick<Snapshots, 'fields' | 'text'>;
  readonly document: LoadedDocument;
  readonly nextStamp: (seen?: number) => number;
  /** Whether the document has changes that are not durable. */
  readonly isDirty: boolean;
  /** Fields up to which the state is sent again as deltas to clients that may not read it from the response. */
  readonly replayMaxFields: number;
}

/**
 * Answers `subscribe` and `sync_request`: the whole state, or what the client's vector has not seen.
 *
 * @returns Whether that is so, and not a late replay with nothing in it.
 */
export function answerSubscribe(context: ReadContext, record: ReadRecord, request: SubscribeRequest): boolean {
  const { outbox, core, texts, snapshots, document, replayMaxFields } = context;
  const count = core.liveCount(document.handle);
  const replay = request.replay !== undefined && count > 0 && core.fieldCount(document.handle) <= replayMaxFields;
  if (request.replay === 'alone') {
    const isSent = replay && replayState(context, record, request.clientId, true);
    if (!isSent) outbox.endRead(record);
    return isSent;
  }
  const server = context.nextStamp(request.seen ?? largestOf(request.vector));

  const unseen = request.vector && unseenBy(core, document, request.vector, request.clientId);
  const claims = claimsOf(context, server, unseen?.mayHoldLost === true);
  const id = request.isForEvents === true ? resumeIdOfAnswer(document, server, claims) : outbox.nextId();
  const head = `"id":${quote(id)},"requestId":${quote(request.requestId)},"documentId":"${document.id}"`;
  const tail = `,"clock":${responseClock(context, server, claims, request.clientId)}`;
  outbox.answerWith(record, 'sync_response', !replay, (writer) => {
    writer.text(head);
    if (unseen === undefined || unseen.needsState) {
      writer.text(',"state":');
      writer.bytes(snapshots.fields(document));
    }
    const deltas = unseen === undefined ? '' : operationsOf(context, server, unseen, claims, request.clientId);
    writer.text(`,"deltas":[${deltas}]`);
    if (document.text !== undefined) {
      writer.text(',"textState":"');
      writer.bytes(snapshots.text(document, document.text.handle));
      writer.text(`","textClock":${texts.clock(document.text.handle)}`);
    }
    writer.text(tail);
  });
  if (replay) replayState(context, record, request.clientId);
  return true;
}

/** Answers `sync_step1` with the operations that the client's vector has not seen. */
export function answerStateVector(context: ReadContext, record: ReadRecord, request: StateVectorRequest): void {
  const { outbox, core, snapshots, document } = context;
  const server = context.nextStamp(request.seen ?? largestOf(request.vector));
  const unseen = unseenBy(core, document, request.vector);
  const claims = claimsOf(context, server, unseen.mayHoldLost);
  const operations = operationsOf(context, server, unseen, claims);
  const body: Body = `"id":${quote(outbox.nextId())},"requestId":${quote(request.requestId)},"documentId":"${document.id}","operations":[${operations}],"clock":${responseClock(context, server, claims, undefined)}`;
  // Without it, nobody could tell which fields are gone.
  const state = unseen.needsState ? `,"state":${Buffer.from(snapshots.fields(document)).toString()}` : '';
  outbox.answer(record, 'sync_step2', body + state);
}

/** @param isLate Whether to leave out what the session has written meanwhile. @returns Whether anything is sent. */
function replayState(context: ReadContext, record: ReadRecord, clientId: string | undefined, isLate = false): boolean {
  const { outbox, core, document } = context;
  const { session } = record.origin;
  const server = context.nextStamp();
  const live = core
    .changesSince(document.handle, new Map())
    .filter(({ path, deleted }) => !deleted && !(isLate && document.sends.spare(session, path, server)));
  live.forEach((write, i) => {
    const lifted = i === live.length - 1 ? [...document.sends.liftedByRead()] : undefined;
    const body = deltaBody(outbox.nextId(), document.id, laterUpdate(write, server), clientId, lifted);
    outbox.answer(record, 'delta', body, i === live.length - 1);
  });
  return live.length > 0;
}

function operationsOf(
  { document: { id } }: ReadContext,
  server: number,
  { fields }: Unseen,
  claims: Claims,
  clientId?: string,
): string {
  return fields
    .map((write) => batchEntry(id, { ...laterUpdate(write, server), claims }, write.timestamp, clientId))
    .join(',');
}

/**
 * Whoever has the answer has all commits that are in memory; and what is not durable, up to the last write of that.
 *
 * @param isPutRight Whether the answer replaces all that the client was sent before, so that it need not be proved.
 */
function claimsOf({ document: { commits }, isDirty }: ReadContext, server: number, isPutRight: boolean): Claims {
  if (isPutRight) {
    commits.shown.add(server, 'server');
    return { commits: commits.upTo, shown: server };
  }
  return { commits: commits.upTo, shown: isDirty && commits.shown.last > 0 ? commits.shown.last : undefined };
}

/** A client that comes from a node whose clock is ahead would take nothing from this one for that long. */
function largestOf(vector: readonly (readonly [string, number])[] = []): number {
  return vector.reduce((largest, [, count]) => Math.max(largest, count), 0);
}

/**
 * The fresh L; the stamp of each writer that holds a field, or the fresh L where it has written here lately: it may be the
 * one that asks, and goes on writing; and the fresh L for the client itself where it is known.
 */
function responseClock(
  { core, document }: ReadContext,
  server: number,
  claims: Claims,
  clientId: string | undefined,
): string {
  let clock = `{"server":${server}${claimsJson(claims)}`;
  const lifted = document.sends.liftedByRead();
  for (const writer of core.writers(document.handle)) {
    if (writer.clientId === 'server' || writer.clientId === clientId || isClaim(writer.clientId)) continue;
    clock += `,${quote(writer.clientId)}:${lifted.has(writer.clientId) ? server : writer.stamp}`;
  }
  if (clientId !== undefined && clientId !== 'server') clock += `,${quote(clientId)}:${server}`;
  return clock + '}';
}
