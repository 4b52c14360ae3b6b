/** Text states as objects, as clients write them. */

export interface StateId {
  client_id: string;
  clock: number;
  offset: number;
}

export interface StateBlock {
  id: StateId;
  text: string;
  left_origin: StateId | null;
  right_origin: StateId | null;
  deleted: boolean;
}

export interface StateObject {
  blocks: [StateId, StateBlock][];
  clock: { value: number };
  client_id: string;
}

/** A block in short; origins as author and clock. */
export interface ShortBlock {
  author: string;
  clock: number;
  text: string;
  left?: readonly [string, number] | undefined;
  right?: readonly [string, number] | undefined;
  deleted?: boolean | undefined;
}

export function encoded(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

export function decoded(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

/** The content of a JSON string with this text, without its quotes. */
export function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

export function stateId(author: string, clock: number): StateId {
  return { client_id: author, clock, offset: 0 };
}

/** The JSON of a state with these blocks, in this order. */
export function stateOf(blocks: readonly ShortBlock[], clock = 0, clientId = 'me'): string {
  const pairs = blocks.map(({ author, clock: last, text, left, right, deleted = false }): [StateId, StateBlock] => {
    const id = stateId(author, last);
    return [
      id,
      {
        id,
        text,
        left_origin: left === undefined ? null : stateId(...left),
        right_origin: right === undefined ? null : stateId(...right),
        deleted,
      },
    ];
  });
  return JSON.stringify({ blocks: pairs, clock: { value: clock }, client_id: clientId });
}
