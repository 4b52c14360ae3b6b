/** States of a collaborative text as clients write and read them. */
import { TextRefused } from '../lib/text-store.js';
import { compareUtf8 } from './utf8-order.js';

/** Names a cluster by its author's clock. Clients write an offset of 0 and don't look at it in origins. */
export interface TextId {
  readonly author: string;
  readonly clock: number;
  readonly offset: number;
}

/** Clusters that one author wrote in one go, or a piece of them; the clock is that of the last one. */
export interface TextBlock {
  readonly id: TextId;
  readonly text: string;
  /** The clusters between which the whole was inserted. */
  readonly left: TextId | null;
  readonly right: TextId | null;
  readonly deleted: boolean;
}

export interface TextState {
  readonly blocks: readonly TextBlock[];
  readonly clock: number;
  readonly clientId: string;
}

/** Below, at or above 0 as `a` comes before, equals or comes after `b`. This is not the order of the text. */
export function compareIds(a: TextId, b: TextId): number {
  return a.clock - b.clock || compareUtf8(a.author, b.author) || a.offset - b.offset;
}

/** Null comes before all others. */
export function compareOrigins(a: TextId | null, b: TextId | null): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  return compareIds(a, b);
}

/** The exact text that a client writes for the state. */
export function writeTextState(state: TextState): string {
  const clientId = JSON.stringify(state.clientId);
  return `{"blocks":${writeBlocks(state.blocks)},"clock":{"value":${state.clock}},"client_id":${clientId}}`;
}

/** The blocks of a state as it is written; equal for equal blocks only. */
export function writeBlocks(blocks: readonly TextBlock[]): string {
  const sorted = blocks.toSorted((a, b) => compareIds(a.id, b.id));
  const entries = sorted.map(({ id, text, left, right, deleted }) => {
    const written = writeId(id);
    const origins = `"left_origin":${writeId(left)},"right_origin":${writeId(right)}`;
    return `[${written},{"id":${written},"text":${JSON.stringify(text)},${origins},"deleted":${String(deleted)}}]`;
  });
  return `[${entries.join()}]`;
}

function writeId(id: TextId | null): string {
  if (id === null) return 'null';
  return `{"client_id":${JSON.stringify(id.author)},"clock":${id.clock},"offset":${id.offset}}`;
}

/**
 * Reads a state; of blocks with the same id the last one counts. More is accepted than clients do: numbers like `1.0`,
 * keys given twice.
 *
 * @throws TextRefused
 */
export function readTextState(json: string): TextState {
  const root = objectOf(parse(json), 'the state');
  const blocks = new Map<string, TextBlock>();
  if (!Array.isArray(root['blocks'])) throw invalid('it has no blocks');
  for (const pair of root['blocks'] as unknown[]) {
    if (!Array.isArray(pair) || pair.length !== 2) throw invalid('a block is not a pair');
    const id = readId(pair[0]);
    blocks.set(writeId(id), readBlock(id, objectOf(pair[1], 'a block')));
  }
  const clock = readCount(objectOf(root['clock'], 'the clock')['value']);
  return { blocks: [...blocks.values()], clock, clientId: readString(root['client_id']) };
}

export function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw invalid('it is not JSON');
  }
}

export function invalid(why: string): TextRefused {
  return new TextRefused('invalid', `the text can't be read: ${why}`);
}

/** A number that can be a clock. */
export function readCount(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw invalid('a number is not a whole one from 0 to 2^53 - 1');
  }
  return value;
}

export function readString(value: unknown): string {
  if (typeof value !== 'string' || !value.isWellFormed()) throw invalid('a string is missing or not well formed');
  return value;
}

/** Of the id given twice the one in front of the block counts; the other must be one, though. */
function readBlock(id: TextId, block: Record<string, unknown>): TextBlock {
  const { text = '', left_origin: left = null, right_origin: right = null, deleted = false } = block;
  if (block['id'] !== undefined) readId(block['id']);
  if (typeof deleted !== 'boolean') throw invalid('a block is neither deleted nor not');
  return { id, text: readString(text), left: readOrigin(left), right: readOrigin(right), deleted };
}

function readOrigin(value: unknown): TextId | null {
  return value === null ? null : readId(value);
}

function readId(value: unknown): TextId {
  const { client_id: author, clock, offset } = objectOf(value, 'an id');
  return { author: readString(author), clock: readCount(clock), offset: readCount(offset) };
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(`${what} is not an object`);
  return value as Record<string, unknown>;
}
