import type { FieldsStore, FieldWrite } from '@synckit/core-wasm';
import { batchBody, batchEntry, deltaBody, type Body, type FieldUpdate } from '../protocol/encode.js';
import { variants } from '../messages/task.js';
import type { LoadedDocument } from './documents.js';
import type { Loser } from './merge.js';
import type { Held, Outbox, Variant } from './outbox.js';

/** A `delta_batch` is cut at about this many characters: a slow client gets frames that it can take. */
const MAX_BATCH_LENGTH = 262_144;

/**
 * A field as it goes out: the clock must be above all that was sent of the document, the writer's entry stays its stamp.
 * The first time, both are the same.
 */
export function laterUpdate(write: FieldWrite, server: number): FieldUpdate {
  return { field: write.path, value: write.value, server, writer: write.clientId, stamp: write.stamp };
}

const plain: readonly Variant[] = [
  { variant: variants.binaryDelta, encoding: 'binary' },
  { variant: variants.jsonDelta, encoding: 'json' },
];
const batched: readonly Variant[] = [
  { variant: variants.binaryBatch, encoding: 'binary' },
  { variant: variants.jsonBatch, encoding: 'json' },
];

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
  server?: number,
): void {
  const send: Send = (variant, type, body) => {
    outbox.publish(document.id, variant, type, body, receivedAt);
  };
  sendChanges(
    outbox,
    document.id,
    [...changed.values()],
    wanted,
    (write) => laterUpdate(write, server ?? write.stamp),
    send,
  );
}

/**
 * What a flush changed, for a writer that is the only subscriber; encoded when it is sent.
 *
 * @param wanted How the writer wants it: bits of `variants`.
 * @param session The writer's.
 */
export function echoOf(
  outbox: Outbox,
  documentId: string,
  changed: ReadonlyMap<string, FieldWrite>,
  wanted: number,
  session: number,
): Held {
  const send: Send = (variant, type, body) => {
    outbox.echo(documentId, variant, type, body, session);
  };
  return {
    documentId,
    send: () => {
      sendChanges(outbox, documentId, [...changed.values()], wanted, (write) => laterUpdate(write, write.stamp), send);
    },
  };
}

type Send = (variant: Variant, type: 'delta' | 'delta_batch', body: Body) => void;

function sendChanges(
  outbox: Outbox,
  id: string,
  changed: readonly FieldWrite[],
  wanted: number,
  updateOf: (write: FieldWrite) => FieldUpdate,
  send: Send,
): void {
  const plainWanted = plain.filter(({ variant }) => (wanted & variant) !== 0);
  if (plainWanted.length > 0) {
    for (const write of changed) {
      const body = deltaBody(outbox.nextId(), id, updateOf(write));
      for (const variant of plainWanted) send(variant, 'delta', body);
    }
  }
  const batchedWanted = batched.filter(({ variant }) => (wanted & variant) !== 0);
  if (batchedWanted.length > 0) {
    for (const entries of inBatches(changed, (write) => batchEntry(id, updateOf(write), outbox.now))) {
      const body = batchBody(outbox.nextId(), id, entries);
      for (const variant of batchedWanted) send(variant, 'delta_batch', body);
    }
  }
}

/**
 * Sends each session whose write lost the value that won, with a clock above all that it has seen, or it would show its own
 * value for ever. @param server A fresh L.
 */
export function answerLosers(
  outbox: Outbox,
  core: FieldsStore,
  document: LoadedDocument,
  losers: Iterable<Loser>,
  server: number,
): void {
  for (const { origin, paths, clientId } of losers) {
    const updates: FieldUpdate[] = [];
    for (const path of paths) {
      const winner = core.get(document.handle, path);
      if (winner !== undefined) updates.push(laterUpdate(winner, server));
    }
    if (!origin.supportsBatch) {
      for (const update of updates) {
        outbox.reply(origin, 'delta', deltaBody(outbox.nextId(), document.id, update, clientId));
      }
      continue;
    }
    for (const entries of inBatches(updates, (update) => batchEntry(document.id, update, outbox.now, clientId))) {
      outbox.reply(origin, 'delta_batch', batchBody(outbox.nextId(), document.id, entries));
    }
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
