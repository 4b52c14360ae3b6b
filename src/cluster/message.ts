/**
 * The messages between nodes: one msgpack array each, `[version, node, epoch, sequence, kind, sentAt, since, …body]`.
 * The document is named by the channel.
 *
 * Nodes of two versions talk to each other during a rolling update. So:
 * - What is added goes to the end of an array; readers ignore what they don't know. That is no new version.
 * - The version is raised only when an old reader would misread the message, and a new kind counts as that. An old
 *   reader then loads the document from the storage.
 * - The first four places are the same in every version, so that an old reader can go on counting.
 */
import { Packr, Unpackr } from 'msgpackr';
import type { DocumentUpdate, UpdatedField } from './port.js';
import { isCount, isNumber, isText, listOf, unpackArray } from './reading.js';

/** Who sent a message, and which of its messages about the document it is. */
export interface MessageHead {
  readonly node: string;
  /** Drawn at random by each bus: a node that starts again, or another thread of it, is another publisher. */
  readonly epoch: number;
  /** Of the document and publisher; grows by one with each update. */
  readonly sequence: number;
}

export interface MessageTimes {
  /** When it was sent, in ms since the epoch by the sender's clock. */
  readonly sentAt: number;
  /**
   * At least how many ms before this message the last news was published that a receiver of this message alone has
   * missed: for news the one before it, for a tail the one that it repeats the number of. 0 says nothing, or that there
   * is none.
   */
  readonly since: number;
}

export type BusMessage =
  | (MessageHead & MessageTimes & { readonly kind: 'update'; readonly update: DocumentUpdate })
  /** No update, only the number of the last one. */
  | (MessageHead & MessageTimes & { readonly kind: 'tail' });

export type ReadMessage =
  | BusMessage
  /** Of a newer node; the head, if it could be read. */
  | { readonly kind: 'unreadable'; readonly head: MessageHead | undefined }
  | { readonly kind: 'malformed' };

const VERSION = 1;
const kinds = { update: 0, tail: 1 } as const;

const packr = new Packr({ useRecords: false });
// Bytes that only point into what was received would keep all of it in memory.
const unpackr = new Unpackr({ useRecords: false, copyBuffers: true });

/** The bytes of a message, which nobody else writes to. */
export function encodeMessage(message: BusMessage): Buffer {
  const { node, epoch, sequence, sentAt, since } = message;
  const head = [VERSION, node, epoch, sequence, kinds[message.kind], sentAt, since];
  if (message.kind === 'tail') return packr.pack(head);
  const { stamp, fields, text, relays, commit } = message.update;
  return packr.pack([...head, stamp, fields.map(fieldToArray), text ?? null, relays, commit]);
}

/** Reads what came through the channel of a document; never throws. */
export function decodeMessage(documentId: string, bytes: Uint8Array): ReadMessage {
  const places = unpackArray(unpackr, bytes);
  if (places === undefined) return { kind: 'malformed' };
  const version = places[0];
  if (!isCount(version) || version < 1) return { kind: 'malformed' };
  const head = readHead(places);
  if (version > VERSION) return { kind: 'unreadable', head };
  return (head && readBody(documentId, head, places)) ?? { kind: 'malformed' };
}

function readHead([, node, epoch, sequence]: readonly unknown[]): MessageHead | undefined {
  if (typeof node !== 'string' || !isCount(epoch) || !isCount(sequence) || sequence < 1) return undefined;
  return { node, epoch, sequence };
}

function readBody(documentId: string, head: MessageHead, places: readonly unknown[]): ReadMessage | undefined {
  const [, , , , kind, sentAt, since, stamp, rows, text, relays, commit = 0] = places;
  if (!isCount(kind) || !isNumber(sentAt) || !isNumber(since)) return undefined;
  const times = { sentAt, since };
  if (kind === kinds.tail) return { kind: 'tail', ...head, ...times };
  if (kind !== kinds.update) return { kind: 'unreadable', head };
  const fields = listOf(rows, readField);
  const operations = listOf(relays, (item) => (isText(item) ? item : undefined));
  if (!isCount(stamp) || fields === undefined || operations === undefined) return undefined;
  if (text !== null && !(text instanceof Uint8Array)) return undefined;
  if (!isCount(commit)) return undefined;
  const update = { documentId, stamp, fields, text: text ?? undefined, relays: operations, commit };
  return { kind: 'update', ...head, ...times, update };
}

function fieldToArray(field: UpdatedField): readonly unknown[] {
  const { path, value, deleted, timestamp, counter, clientId, stamp } = field;
  return [path, value, deleted, timestamp, counter, clientId, stamp];
}

/**
 * That a value is JSON is taken from the sender, as it is from the storage: it checked what it merged. A stamp is not:
 * those that this node gives go on from it, and one that no storage takes would have all of them refused.
 */
function readField(row: unknown): UpdatedField | undefined {
  if (!Array.isArray(row)) return undefined;
  const [path, value, deleted, timestamp, counter, clientId, stamp] = row as readonly unknown[];
  if (!isText(path) || !isText(value) || !isText(clientId) || typeof deleted !== 'boolean') return undefined;
  if (!isNumber(timestamp) || !isNumber(counter) || !isCount(stamp)) return undefined;
  return { path, value, deleted, timestamp, counter, clientId, stamp };
}
