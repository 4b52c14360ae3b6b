/** Strings of JSON: what their escapes stand for. JSON.parse is not asked, as where keys are data it must not decide. */

const BACKSLASH = 0x5c;

/** Whether a byte is white space between the parts of JSON. */
export function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Whether an ASCII text stands in the bytes from `start` to `end`. */
export function bytesAre(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}

/**
 * What the content of a JSON string stands for.
 *
 * @param start Just after the opening quote. @param end At the closing one.
 * @returns undefined when it is not the content of a string; escapes of lone surrogates are.
 */
export function decodeString(bytes: Buffer, start: number, end: number): string | undefined {
  const escaped = hasBackslash(bytes, start, end);
  const text = bytes.toString('utf8', start, end);
  return escaped ? unescape(text) : text;
}

function hasBackslash(bytes: Buffer, start: number, end: number): boolean {
  if (end - start > 64) return bytes.subarray(start, end).includes(BACKSLASH);
  for (let at = start; at < end; at++) if (bytes[at] === BACKSLASH) return true;
  return false;
}

const meanings = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

function unescape(text: string): string | undefined {
  let plain = '';
  let from = 0;
  for (let at = text.indexOf('\\'); at !== -1; at = text.indexOf('\\', from)) {
    plain += text.slice(from, at);
    const sign = text.charAt(at + 1);
    if (sign === 'u') {
      const digits = text.slice(at + 2, at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) return undefined;
      plain += String.fromCharCode(parseInt(digits, 16));
      from = at + 6;
    } else {
      const meaning = meanings.get(sign);
      if (meaning === undefined) return undefined;
      plain += meaning;
      from = at + 2;
    }
  }
  return plain + text.slice(from);
}
