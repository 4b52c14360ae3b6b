/**
 * The messages between nodes about awareness. Each is one msgpack array; the channel names the document:
 *
 *   changes = [version, 0, run, sequence, state*, clientId of each client that left*]
 *   all     = [version, 1, run, sequence, state*, part, isLast]
 *   ask     = [version, 2, run]
 *   state   = [clientId, user, claimed, generation, clock, JSON text]
 *
 * New elements are only appended to an array; readers ignore those they don't know. A higher version or an unknown kind
 * is ignored by older nodes.
 *
 * A message is about the clients of one process (`run`) alone. Messages may come twice, late and in any order; of two
 * messages of a run, the one with the larger sequence is the later.
 */
import { Packr, Unpackr } from 'msgpackr';
import { isCount, isText, listOf, unpackArray } from './reading.js';

/** The state of one client, as one process publishes it. */
export interface AwarenessStateRecord {
  readonly clientId: string;
  /** Hash of the id of the client's user; at most 64 characters. */
  readonly user: string;
  /** When the user first used this client id in the document, in ms since the epoch; the earliest user owns it. */
  readonly claimed: number;
  /** Grows each time a session takes the client over, on any node; starts as ms since the epoch. */
  readonly generation: number;
  /** Of the client; a larger one is newer. */
  readonly clock: number;
  /** JSON text of an object. */
  readonly state: string;
}

export type AwarenessMessage =
  /** Clients that have changed. */
  | {
      readonly kind: 'changes';
      readonly run: string;
      /** Grows with each message of the run. */
      readonly sequence: number;
      readonly states: readonly AwarenessStateRecord[];
      /** Client ids that have left the run. */
      readonly left: readonly string[];
    }
  /**
   * All clients of the run in the document, in one or several parts with the same sequence. Once all parts are there,
   * clients with a lower sequence that are in none of them have left.
   */
  | {
      readonly kind: 'all';
      readonly run: string;
      readonly sequence: number;
      readonly states: readonly AwarenessStateRecord[];
      /** Number of this part, from 0. */
      readonly part: number;
      readonly isLast: boolean;
    }
  /** Requests the states of all other processes. */
  | { readonly kind: 'ask'; readonly run: string };

export type ReadAwareness =
  | AwarenessMessage
  /** A version or a kind of a newer node. */
  | { readonly kind: 'unreadable' }
  | { readonly kind: 'malformed' };

/** States and clients that left, together, in one message. */
export const MAX_AWARENESS_ITEMS = 1_000;
/** Parts of one `all` message. */
export const MAX_AWARENESS_PARTS = 10_000;

const VERSION = 1;
const kinds = { changes: 0, all: 1, ask: 2 } as const;
/** Bound of times: the largest that a `Date` holds, in ms. */
const MAX_TIME = 8_640_000_000_000_000;
/** Characters. */
const MAX_NAME = 64;
const MAX_CLIENT_ID = 256;

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false });

/** Encodes a message in the format above. The result is a view of a larger buffer and is never written to again. */
export function encodeAwareness(message: AwarenessMessage): Buffer {
  const { kind, run } = message;
  const head = [VERSION, kinds[kind], run];
  switch (kind) {
    case 'ask':
      return packr.pack(head);
    case 'changes':
      return packr.pack([...head, message.sequence, message.states.map(stateToArray), message.left]);
    case 'all':
      return packr.pack([...head, message.sequence, message.states.map(stateToArray), message.part, message.isLast]);
  }
}

/**
 * Decodes a message; never throws. Whether the states are JSON is left to `hasJsonStates`, as parsing them is costly.
 */
export function decodeAwareness(bytes: Uint8Array): ReadAwareness {
  const elements = unpackArray(unpackr, bytes);
  if (elements === undefined) return { kind: 'malformed' };
  const [version, kind, run, ...body] = elements;
  if (!isCount(version) || version < 1) return { kind: 'malformed' };
  if (version > VERSION) return { kind: 'unreadable' };
  if (!isCount(kind) || !isName(run, MAX_NAME)) return { kind: 'malformed' };
  switch (kind) {
    case kinds.ask:
      return { kind: 'ask', run };
    case kinds.changes:
      return readChanges(run, body) ?? { kind: 'malformed' };
    case kinds.all:
      return readAll(run, body) ?? { kind: 'malformed' };
    default:
      return { kind: 'unreadable' };
  }
}

/**
 * Reads a message that `decodeAwareness` has accepted, in another thread, and checks nothing again: that, and parsing the
 * JSON of the states, would cost the acceptor's thread what the shard's has done already.
 */
export function readAcceptedAwareness(bytes: Uint8Array): AwarenessMessage {
  const [, kind, run, sequence, rows, ...rest] = unpackr.unpack(bytes) as AcceptedMessage;
  if (kind === kinds.ask) return { kind: 'ask', run };
  const states = rows.map(([clientId, user, claimed, generation, clock, state]) => {
    return { clientId, user, claimed, generation, clock, state };
  });
  if (kind === kinds.changes) return { kind: 'changes', run, sequence, states, left: rest[0] as string[] };
  return { kind: 'all', run, sequence, states, part: rest[0] as number, isLast: rest[1] as boolean };
}

/** What `encodeAwareness` packs. */
type AcceptedMessage = [version: number, kind: number, run: string, sequence: number, AcceptedState[], ...unknown[]];
type AcceptedState = [
  clientId: string,
  user: string,
  claimed: number,
  generation: number,
  clock: number,
  state: string,
];

/** Whether all states of a message are JSON text of objects. They are sent to clients as they are. */
export function hasJsonStates(message: AwarenessMessage): boolean {
  return message.kind === 'ask' || message.states.every(({ state }) => isObjectText(state));
}

function readChanges(run: string, [sequence, rows, clientIds]: readonly unknown[]): AwarenessMessage | undefined {
  const states = listOf(rows, readState);
  const left = listOf(clientIds, (id) => (isName(id, MAX_CLIENT_ID) ? id : undefined));
  if (!isCount(sequence) || states === undefined || left === undefined) return undefined;
  if (states.length + left.length > MAX_AWARENESS_ITEMS) return undefined;
  return { kind: 'changes', run, sequence, states, left };
}

function readAll(run: string, [sequence, rows, part, isLast]: readonly unknown[]): AwarenessMessage | undefined {
  const states = listOf(rows, readState);
  if (!isCount(sequence) || states === undefined || states.length > MAX_AWARENESS_ITEMS) return undefined;
  if (!isCount(part) || part >= MAX_AWARENESS_PARTS || typeof isLast !== 'boolean') return undefined;
  return { kind: 'all', run, sequence, states, part, isLast };
}

function stateToArray({ clientId, user, claimed, generation, clock, state }: AwarenessStateRecord): readonly unknown[] {
  return [clientId, user, claimed, generation, clock, state];
}

function readState(row: unknown): AwarenessStateRecord | undefined {
  if (!Array.isArray(row)) return undefined;
  const [clientId, user, claimed, generation, clock, state] = row as readonly unknown[];
  if (!isName(clientId, MAX_CLIENT_ID) || !isName(user, MAX_NAME) || !isText(state)) return undefined;
  if (!isTime(claimed) || !isTime(generation) || !isCount(clock)) return undefined;
  return { clientId, user, claimed, generation, clock, state };
}

function isName(value: unknown, maxLength: number): value is string {
  return isText(value) && value !== '' && value.length <= maxLength;
}

function isTime(value: unknown): value is number {
  return isCount(value) && value < MAX_TIME;
}

function isObjectText(text: string): boolean {
  if (!text.startsWith('{')) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
