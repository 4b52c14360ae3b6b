import { isSpace } from './json-string.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Valid JSON without the white space outside of its strings; everything else stays byte by byte. */
export function compactJson(bytes: Buffer, start: number, end: number): string {
  const compact = Buffer.allocUnsafe(end - start);
  let length = 0;
  let inString = false;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (!inString && isSpace(byte)) continue;
    compact[length++] = byte;
    if (byte === QUOTE) inString = !inString;
    else if (byte === BACKSLASH) compact[length++] = bytes[++at] ?? 0;
  }
  return compact.toString('utf8', 0, length);
}
