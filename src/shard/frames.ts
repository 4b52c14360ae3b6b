import type { FieldsStore, FieldWrite } from '@synckit/core-wasm';
import { batchBody, batchEntry, deltaBody, type Body, type FieldUpdate, type Lifted } from '../protocol/encode.js';
import { variants } from '../messages/task.js';
import type { LoadedDocument } from './documents/documents.js';
import type { SentField } from './echo/sent-field.js';
import type { Loser } from './fields/loser.js';
import { resumeId } from './resume/resume-id.js';
import { withClaims, type FlushClaims } from './resume/flush-claims.js';
import type { Held, Outbox, Variant } from './outbox.js';
import { removedField } from './tombstones/removed-field.js';
import { batched, batchedKinds, plain, plainKinds } from './variant-kinds.js';

/** A `delta_batch` is cut at about this many characters: a slow client gets frames that it can take. */
const MAX_BATCH_LENGTH = 262_144;

/** Whoever is subscribed; for what is so rare that nobody need know which variants have subscribers. */
export const ALL_VARIANTS = Object.values(variants).reduce((all, variant) => all | variant, 0);

/**
 * A field as it goes out: the clock must be above all that was sent of the document, the writer's entry stays its stamp.
 * The first time, both are the same.
 */
export function laterUpdate(write: FieldWrite, server: number): FieldUpdate {
  return { field: write.path, value: write.value, server, writer: write.clientId, stamp: write.stamp };
}

/** Raises the counters of those who have written a field, and with the last field of others who have written lately. */
export function liftedBy(
  { sends }: LoadedDocument,
  changed: ReadonlyMap<string, FieldWrite>,
  now: number,
  sentOf: (path: string) => SentField | undefined = (path) => sends.field(path),
): Routing['liftedBy'] {
  let last: string | undefined;
  for (const path of changed.keys()) last = path;
  return (path) => {
    const sent = sentOf(path);
    const writers = sent === undefined ? nobody : sends.liftedBy(sent);
    if (path !== last) return writers;
    const others = sends.lifted(now).filter((id) => !writers.includes(id));
    return others.length === 0 ? writers : [...writers, ...others];
  };
}

/** How what a flush changed goes out, where that is not to everybody alike. */
export interface Routing {
  /** The session that does not get a field, or 0. */
  readonly exceptOf: (path: string) => number;
  /** Whose counters a field raises. */
  readonly liftedBy: (path: string) => Lifted;
}

const nobody: Lifted = [];
const toEverybody: Routing = { exceptOf: () => 0, liftedBy: () => nobody };

/**
 * Publishes what a flush changed to the variants that have subscribers.
 *
 * @param receivedAt Of the oldest write, in ms of the acceptor's clock; 0 for what another node took.
 * @param server For what another node took: a fresh L of this node. Else each write goes out with its own stamp.
 */
export function publishChanges(
  outbox: Outbox,
  document: LoadedDocument,
  changed: ReadonlyMap<string, FieldWrite>,
  wanted: number,
  receivedAt: number,
  claims: FlushClaims,
  server?: number,
  routing: Routing = toEverybody,
): void {
  const send: Send = (variant, type, body, except) => {
    outbox.publish(document.id, variant, type, body, receivedAt, except);
  };
  const updateOf: UpdateOf = (write, isPartial) =>
    withClaims(laterUpdate(write, server ?? write.stamp), claims, isPartial);
  sendChanges(outbox, document.id, [...changed.values()], wanted, updateOf, routing, send);
}

/** Every field is to be shown. */
export const showAll = (): boolean => true;

/** Those of the changed fields that are to be shown. */
export function shownOf(
  changed: ReadonlyMap<string, FieldWrite>,
  isShown: (path: string) => boolean,
): ReadonlyMap<string, FieldWrite> {
  if (isShown === showAll) return changed;
  return new Map([...changed].filter(([path]) => isShown(path)));
}

/**
 * What a flush changed and hides what its writer wrote, for a writer that is the only one to hear of it; encoded when it
 * is sent.
 *
 * @param wanted How the writer wants it: bits of `variants`.
 * @param session The writer's.
 * @param claims What its clocks claim: what was known when it was written, as the writer may unsubscribe meanwhile.
 */
export function echoOf(
  outbox: Outbox,
  documentId: string,
  changed: readonly FieldWrite[],
  wanted: number,
  session: number,
  claims: FlushClaims,
): Held {
  const send: Send = (variant, type, body) => {
    outbox.echo(documentId, variant, type, body, session);
  };
  const updateOf: UpdateOf = (write, isPartial) => withClaims(laterUpdate(write, write.stamp), claims, isPartial);
  return {
    documentId,
    send: () => {
      sendChanges(outbox, documentId, changed, wanted, updateOf, toEverybody, send);
    },
  };
}

/** Sends one subscriber what fields hold now. @param server A fresh L. @param isDirty Whether it may not be durable. */
export function echoFields(
  outbox: Outbox,
  documentId: string,
  { origin, clientId }: Pick<Loser, 'origin' | 'clientId'>,
  values: readonly FieldWrite[],
  server: number,
  isDirty: boolean,
): void {
  const way = (origin.supportsBatch ? batched : plain).find(({ encoding }) => encoding === origin.encoding);
  if (way === undefined) return;
  outbox.release(documentId);
  sendTo(
    outbox,
    documentId,
    values.map((value) => replyUpdate(value, server, isDirty)),
    { origin, clientId },
    (type, body) => {
      outbox.echo(documentId, way, type, body, origin.session);
    },
  );
}

type UpdateOf = (write: FieldWrite, isPartial: boolean) => FieldUpdate;
type Send = (variant: Variant, type: 'delta' | 'delta_batch', body: Body, except: number) => void;

function sendChanges(
  outbox: Outbox,
  id: string,
  changed: readonly FieldWrite[],
  wanted: number,
  updateOf: UpdateOf,
  { exceptOf, liftedBy }: Routing,
  send: Send,
): void {
  for (const { kind, isPartial } of plainKinds(wanted)) {
    for (const write of changed) {
      const body = deltaBody(outbox.nextId(), id, updateOf(write, isPartial), undefined, liftedBy(write.path));
      const except = exceptOf(write.path);
      for (const variant of kind) send(variant, 'delta', body, except);
    }
  }
  for (const { kind, isPartial } of batchedKinds(wanted)) {
    for (const run of runsOf(changed, exceptOf)) {
      const encode = (write: FieldWrite): string =>
        batchEntry(id, updateOf(write, isPartial), outbox.now, undefined, liftedBy(write.path));
      for (const entries of inBatches(run.writes, encode)) {
        const last = run.writes.at(-1);
        const isForEvents = kind[0]?.isForEvents === true && last !== undefined;
        const frameId = isForEvents ? resumeId(updateOf(last, false)) : outbox.nextId();
        const body = batchBody(frameId, id, entries);
        for (const variant of kind) send(variant, 'delta_batch', body, run.except);
      }
    }
  }
}

/** Writes that follow each other and go to the same sessions; their order is that of their stamps. */
function runsOf(
  changed: readonly FieldWrite[],
  exceptOf: (path: string) => number,
): { readonly except: number; readonly writes: FieldWrite[] }[] {
  const runs: { readonly except: number; readonly writes: FieldWrite[] }[] = [];
  for (const write of changed) {
    const except = exceptOf(write.path);
    const run = runs.at(-1);
    if (run?.except === except) run.writes.push(write);
    else runs.push({ except, writes: [write] });
  }
  return runs;
}

/**
 * Sends each session whose write lost the value that won, with a clock above all that it has seen, or it would show its own
 * value for ever.
 *
 * @param server A fresh L.
 * @param isDirty Whether what won may not be durable.
 * @param isShown Whether they may be sent what a field holds.
 */
export function answerLosers(
  outbox: Outbox,
  core: FieldsStore,
  document: LoadedDocument,
  losers: Iterable<Loser>,
  server: number,
  isDirty: boolean,
  isShown: (path: string) => boolean,
): void {
  for (const { origin, paths, clientId } of losers) {
    const updates: FieldUpdate[] = [];
    for (const path of paths.keys()) {
      if (!isShown(path)) continue;
      const winner = core.get(document.handle, path) ?? removedField(path, server);
      updates.push(replyUpdate(winner, server, isDirty));
    }
    sendTo(outbox, document.id, updates, { origin, clientId }, (type, body) => {
      outbox.reply(origin, type, body);
    });
  }
}

/** As one session gets it, of which the shard does not know whether it was answered: it proves nothing. */
function replyUpdate(write: FieldWrite, server: number, isDirty: boolean): FieldUpdate {
  return { ...laterUpdate(write, server), claims: { shown: isDirty ? server : 0 } };
}

/** Updates for one session, which raise its counter. */
function sendTo(
  outbox: Outbox,
  documentId: string,
  updates: readonly FieldUpdate[],
  { origin, clientId }: Pick<Loser, 'origin' | 'clientId'>,
  send: (type: 'delta' | 'delta_batch', body: Body) => void,
): void {
  if (!origin.supportsBatch) {
    for (const update of updates) send('delta', deltaBody(outbox.nextId(), documentId, update, clientId));
    return;
  }
  for (const entries of inBatches(updates, (update) => batchEntry(documentId, update, outbox.now, clientId))) {
    send('delta_batch', batchBody(outbox.nextId(), documentId, entries));
  }
}

function* inBatches<T>(items: Iterable<T>, encode: (item: T) => string): Generator<string[]> {
  let entries: string[] = [];
  let length = 0;
  for (const item of items) {
    const entry = encode(item);
    if (length > 0 && length + entry.length > MAX_BATCH_LENGTH) {
      yield entries;
      entries = [];
      length = 0;
    }
    entries.push(entry);
    length += entry.length;
  }
  if (entries.length > 0) yield entries;
}
