/**
 * The mark that every written value and every message id begins with: `~`, the time of the write in microseconds
 * since the epoch as 16 digits, and the number of the write within its document as 8 digits. It comes back in deltas
 * and acks, and is found there without parsing.
 */
export const MARK_BYTES = 25;
/** A mark that is still to be filled. */
export const EMPTY_MARK = `~${'0'.repeat(MARK_BYTES - 1)}`;

const TILDE = 0x7e;
const ZERO = 0x30;
const TIME_DIGITS = 16;
const NUMBER_DIGITS = 8;

/** Microseconds since the epoch, by a clock that does not go back. */
export function microsecondsNow(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1_000);
}

/** Fills the mark at `at`. */
export function writeMark(bytes: Buffer, at: number, time: number, number: number): void {
  bytes[at] = TILDE;
  writeDigits(bytes, at + 1, TIME_DIGITS, time);
  writeDigits(bytes, at + 1 + TIME_DIGITS, NUMBER_DIGITS, number);
}

/** The time of the mark at `at`. */
export function timeOfMark(bytes: Buffer, at: number): number {
  return readDigits(bytes, at + 1, TIME_DIGITS);
}

/** The number of the mark at `at`. */
export function numberOfMark(bytes: Buffer, at: number): number {
  return readDigits(bytes, at + 1 + TIME_DIGITS, NUMBER_DIGITS);
}

/**
 * Where the first mark at or after `from` is; -1 when there is none before `end`.
 *
 * @param guess Where it is likely to be: frames of one kind look alike.
 */
export function findMark(bytes: Buffer, from: number, end: number, guess: number): number {
  if (guess >= from && guess < end && isMark(bytes, guess)) return guess;
  let at = bytes.indexOf(TILDE, from);
  while (at !== -1 && at < end && !isMark(bytes, at)) at = bytes.indexOf(TILDE, at + 1);
  return at < end ? at : -1;
}

/** Not every tilde begins a mark: numbers of a binary protocol hold any byte. */
function isMark(bytes: Buffer, at: number): boolean {
  if (bytes[at] !== TILDE) return false;
  for (let i = at + 1; i < at + MARK_BYTES; i++) {
    const byte = bytes[i] ?? 0;
    if (byte < ZERO || byte > ZERO + 9) return false;
  }
  return true;
}

/** Writes a whole number that is not negative with leading zeros. */
export function writeDigits(bytes: Buffer, at: number, count: number, value: number): void {
  let rest = value;
  for (let i = at + count - 1; i >= at; i--) {
    const tenth = Math.floor(rest / 10);
    bytes[i] = ZERO + (rest - tenth * 10);
    rest = tenth;
  }
}

function readDigits(bytes: Buffer, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) value = value * 10 + ((bytes[i] ?? ZERO) - ZERO);
  return value;
}
