/**
 * The messages between nodes about documents. Each is one msgpack array; the channel names the document:
 *
 *   update = [version, node, epoch, sequence, 0, sentAt, since, stamp, field*, text bytes | nil, operation*, commit,
 *             horizon | nil, ended]
 *   tail   = [version, node, epoch, sequence, 1, sentAt, since]
 *   horizon = [timestamp, counter, clientId, stamp]
 *   field  = [path, JSON value, deleted, timestamp, counter, clientId, stamp]
 *
 * Nodes of two versions exchange messages during a rolling update. So:
 * - New elements are only appended to an array; readers ignore those they don't know. The version stays the same.
 * - The version is raised only when an old reader would misread the message; a new kind counts as that. An old reader
 *   then loads the document from storage.
 * - The first four elements are the same in every version, so that an old reader can still detect gaps.
 */
import { Packr, Unpackr } from 'msgpackr';
import type { DocumentUpdate, UpdatedField, UpdatedHorizon } from './port.js';
import { isCount, isNumber, isText, listOf, unpackArray } from './reading.js';

/** The publisher of a message, and the number of the message among its messages about the document. */
export interface MessageHead {
  /** Id of the node. */
  readonly node: string;
  /** Random for each bus: after a restart, and for each thread of a node, the publisher is a different one. */
  readonly epoch: number;
  /** Counts the updates of this publisher about the document, from 1. */
  readonly sequence: number;
}

export interface MessageTimes {
  /** When it was sent, in ms since the epoch, by the clock of the sender. */
  readonly sentAt: number;
  /**
   * A lower bound of the age, in ms, of the last update that a receiver of this message alone has missed: for an update
   * the one before it, for a tail the one whose sequence it repeats. 0 when there is none or its age is unknown.
   */
  readonly since: number;
}

export type BusMessage =
  | (MessageHead & MessageTimes & { readonly kind: 'update'; readonly update: DocumentUpdate })
  /** Repeats the sequence of the last update, without its data. */
  | (MessageHead & MessageTimes & { readonly kind: 'tail' });

export type ReadMessage =
  | BusMessage
  /** A version or a kind of a newer node; with its head, if that could be read. */
  | { readonly kind: 'unreadable'; readonly head: MessageHead | undefined }
  | { readonly kind: 'malformed' };

const VERSION = 1;
const kinds = { update: 0, tail: 1 } as const;

const packr = new Packr({ useRecords: false });
// Copied, because a view would keep the whole received buffer in memory.
const unpackr = new Unpackr({ useRecords: false, copyBuffers: true });

/** Encodes a message in the format above. The result is a view of a larger buffer and is never written to again. */
export function encodeMessage(message: BusMessage): Buffer {
  const { node, epoch, sequence, sentAt, since } = message;
  const head = [VERSION, node, epoch, sequence, kinds[message.kind], sentAt, since];
  if (message.kind === 'tail') return packr.pack(head);
  const { stamp, fields, text, relays, commit, horizon, hasEnded } = message.update;
  const body: unknown[] = [stamp, fields.map(fieldToArray), text ?? null, relays, commit];
  if (horizon !== undefined) body.push([horizon.timestamp, horizon.counter, horizon.clientId, horizon.stamp]);
  else if (hasEnded === true) body.push(null);
  if (hasEnded === true) body.push(true);
  return packr.pack([...head, ...body]);
}

/** Decodes a message that came through the channel of a document; never throws. */
export function decodeMessage(documentId: string, bytes: Uint8Array): ReadMessage {
  const elements = unpackArray(unpackr, bytes);
  if (elements === undefined) return { kind: 'malformed' };
  const version = elements[0];
  if (!isCount(version) || version < 1) return { kind: 'malformed' };
  const head = readHead(elements);
  if (version > VERSION) return { kind: 'unreadable', head };
  return (head && readBody(documentId, head, elements)) ?? { kind: 'malformed' };
}

function readHead([, node, epoch, sequence]: readonly unknown[]): MessageHead | undefined {
  if (typeof node !== 'string' || !isCount(epoch) || !isCount(sequence) || sequence < 1) return undefined;
  return { node, epoch, sequence };
}

function readBody(documentId: string, head: MessageHead, elements: readonly unknown[]): ReadMessage | undefined {
  const [, , , , kind, sentAt, since, stamp, rows, text, relays, commit = 0, bound, ended] = elements;
  if (!isCount(kind) || !isNumber(sentAt) || !isNumber(since)) return undefined;
  const times = { sentAt, since };
  if (kind === kinds.tail) return { kind: 'tail', ...head, ...times };
  if (kind !== kinds.update) return { kind: 'unreadable', head };
  const fields = listOf(rows, readField);
  const operations = listOf(relays, (item) => (isText(item) ? item : undefined));
  if (!isCount(stamp) || fields === undefined || operations === undefined) return undefined;
  if (text !== null && !(text instanceof Uint8Array)) return undefined;
  if (!isCount(commit)) return undefined;
  const hasHorizon = bound !== undefined && bound !== null;
  const horizon = hasHorizon ? readHorizon(bound) : undefined;
  if (hasHorizon && horizon === undefined) return undefined;
  const own = { documentId, stamp, fields, text: text ?? undefined, relays: operations, commit };
  const update = {
    ...own,
    ...(horizon === undefined ? {} : { horizon }),
    ...(ended === true ? { hasEnded: true as const } : {}),
  };
  return { kind: 'update', ...head, ...times, update };
}

function fieldToArray(field: UpdatedField): readonly unknown[] {
  const { path, value, deleted, timestamp, counter, clientId, stamp } = field;
  return [path, value, deleted, timestamp, counter, clientId, stamp];
}

/**
 * That a value is JSON is not checked: the sender did when it merged it, as for a value from storage. The stamp is
 * checked: this node continues from it, and after one that no storage accepts all its own writes would be refused.
 */
function readField(row: unknown): UpdatedField | undefined {
  if (!Array.isArray(row)) return undefined;
  const [path, value, deleted, timestamp, counter, clientId, stamp] = row as readonly unknown[];
  if (!isText(path) || !isText(value) || !isText(clientId) || typeof deleted !== 'boolean') return undefined;
  if (!isNumber(timestamp) || !isNumber(counter) || !isCount(stamp)) return undefined;
  return { path, value, deleted, timestamp, counter, clientId, stamp };
}

function readHorizon(element: unknown): UpdatedHorizon | undefined {
  if (!Array.isArray(element)) return undefined;
  const [timestamp, counter, clientId, stamp] = element as readonly unknown[];
  if (!isNumber(timestamp) || !isNumber(counter) || !isText(clientId) || !isCount(stamp)) return undefined;
  return { timestamp, counter, clientId, stamp };
}
