/**
 * What nodes tell each other about awareness: one msgpack array each, `[version, kind, run, …body]`. The document is
 * named by the channel. What is added goes to the end of an array; a higher version, or a kind that is not known, is
 * ignored by older nodes.
 *
 * A message says something of the clients of one run of a process alone, and its number says which of two is the later:
 * they may come twice, late and in any order.
 */
import { Packr, Unpackr } from 'msgpackr';
import { isCount, isText, listOf, unpackArray } from './reading.js';

/** What one node shows of one client. */
export interface AwarenessStateRecord {
  readonly clientId: string;
  /** Stands for the user of the client's session. */
  readonly user: string;
  /** Since when the user has this client id in the document: the first one has it. Milliseconds since the epoch. */
  readonly claimed: number;
  /** Grows with each session that takes the client over, on any node. About milliseconds since the epoch. */
  readonly turn: number;
  readonly clock: number;
  /** JSON text of an object. */
  readonly state: string;
}

export type AwarenessMessage =
  /** What has changed. */
  | {
      readonly kind: 'changes';
      readonly run: string;
      /** Of the run; greater than that of each message before. */
      readonly sequence: number;
      readonly states: readonly AwarenessStateRecord[];
      /** Client ids that the run shows nothing of any more. */
      readonly left: readonly string[];
    }
  /**
   * Everything that the run shows in the document, in one or several parts of the same number. When all are there, what
   * has a lower number and is not among them is no more.
   */
  | {
      readonly kind: 'all';
      readonly run: string;
      readonly sequence: number;
      readonly states: readonly AwarenessStateRecord[];
      /** From 0. */
      readonly part: number;
      readonly isLast: boolean;
    }
  /** Somebody listens who does not know what the others show. */
  | { readonly kind: 'ask'; readonly run: string };

export type ReadAwareness =
  | AwarenessMessage
  /** Of a newer node. */
  | { readonly kind: 'unreadable' }
  | { readonly kind: 'malformed' };

/** States and leavers of one message. */
export const MAX_AWARENESS_ITEMS = 1_000;
/** Parts of everything that one run shows in a document. */
export const MAX_AWARENESS_PARTS = 10_000;

const VERSION = 1;
const kinds = { changes: 0, all: 1, ask: 2 } as const;
/** The last time that there is. */
const MAX_TIME = 8_640_000_000_000_000;
const MAX_NAME = 64;
const MAX_CLIENT_ID = 256;

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false });

/** The bytes of a message; they lie in a larger buffer. */
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

/** Reads a message, all but whether the states are JSON (`showsJson`); never throws. */
export function decodeAwareness(bytes: Uint8Array): ReadAwareness {
  const places = unpackArray(unpackr, bytes);
  if (places === undefined) return { kind: 'malformed' };
  const [version, kind, run, ...body] = places;
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
 * The message in bytes that `decodeAwareness` has accepted. Checks nothing once more: that, and reading the JSON of the
 * states, is for the shard's thread, not for the acceptor's.
 */
export function readAcceptedAwareness(bytes: Uint8Array): AwarenessMessage {
  const [, kind, run, sequence, rows, ...rest] = unpackr.unpack(bytes) as AcceptedMessage;
  if (kind === kinds.ask) return { kind: 'ask', run };
  const states = rows.map(([clientId, user, claimed, turn, clock, state]) => {
    return { clientId, user, claimed, turn, clock, state };
  });
  if (kind === kinds.changes) return { kind: 'changes', run, sequence, states, left: rest[0] as string[] };
  return { kind: 'all', run, sequence, states, part: rest[0] as number, isLast: rest[1] as boolean };
}

/** What `encodeAwareness` packs. */
type AcceptedMessage = [version: number, kind: number, run: string, sequence: number, AcceptedState[], ...unknown[]];
type AcceptedState = [clientId: string, user: string, claimed: number, turn: number, clock: number, state: string];

/** Whether all states of a message are JSON text of objects: they are sent to clients as they are. */
export function showsJson(message: AwarenessMessage): boolean {
  return message.kind === 'ask' || message.states.every(({ state }) => isObjectText(state));
}

function readChanges(run: string, [sequence, rows, leavers]: readonly unknown[]): AwarenessMessage | undefined {
  const states = listOf(rows, readState);
  const left = listOf(leavers, (id) => (isName(id, MAX_CLIENT_ID) ? id : undefined));
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

function stateToArray({ clientId, user, claimed, turn, clock, state }: AwarenessStateRecord): readonly unknown[] {
  return [clientId, user, claimed, turn, clock, state];
}

function readState(row: unknown): AwarenessStateRecord | undefined {
  if (!Array.isArray(row)) return undefined;
  const [clientId, user, claimed, turn, clock, state] = row as readonly unknown[];
  if (!isName(clientId, MAX_CLIENT_ID) || !isName(user, MAX_NAME) || !isText(state)) return undefined;
  if (!isTime(claimed) || !isTime(turn) || !isCount(clock)) return undefined;
  return { clientId, user, claimed, turn, clock, state };
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
