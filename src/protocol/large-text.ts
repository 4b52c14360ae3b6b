import { randomUUID } from 'node:crypto';
import type { FrameHead } from './frame.js';

/** Bytes of a frame from which it pays not to parse the state of its text with the rest. */
const LARGE = 16_384;

const KEY = Buffer.from('"state":"');
/** What follows the state's string where the client writes other keys behind it, without white space. */
const END = Buffer.from('","');
const BACKSLASH = 0x5c;

/** Stands for the state that was taken out; nobody outside can write it. */
export const standIn = randomUUID();

export interface LiftedText {
  /** The frame's JSON with `standIn` as the state. */
  readonly rest: Buffer;
  /** What stood between the state's quotes, still escaped; a view into the frame. */
  readonly state: Buffer;
}

/**
 * Takes the state of a text out of a large frame as it was written: parsing would make a string of it, twice as large
 * as all else that is done with it costs. It only finds what clients write, and it may be mistaken about what it finds:
 * whoever parses the rest must see to it that the stand-in is where a state belongs, and else parse the whole.
 */
export function liftText(bytes: Buffer, { start, end }: FrameHead): LiftedText | undefined {
  if (end - start < LARGE) return undefined;
  const key = bytes.indexOf(KEY, start);
  if (key === -1) return undefined;
  const from = key + KEY.length;
  let to = bytes.indexOf(END, from);
  // A quote of the state itself has a backslash in front.
  while (to !== -1 && isEscaped(bytes, from, to)) to = bytes.indexOf(END, to + 1);
  if (to === -1 || to > end || to - from < LARGE / 2) return undefined;
  const head = bytes.subarray(start, from);
  const tail = bytes.subarray(to, end);
  return { rest: Buffer.concat([head, Buffer.from(standIn), tail]), state: bytes.subarray(from, to) };
}

function isEscaped(bytes: Buffer, from: number, quote: number): boolean {
  let at = quote;
  while (at > from && bytes[at - 1] === BACKSLASH) at--;
  return (quote - at) % 2 === 1;
}
