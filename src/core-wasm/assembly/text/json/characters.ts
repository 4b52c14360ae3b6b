/** Bytes that mean something in JSON. */
export const QUOTE: u32 = 0x22;
export const COMMA: u32 = 0x2c;
export const MINUS: u32 = 0x2d;
export const SLASH: u32 = 0x2f;
export const ZERO: u32 = 0x30;
export const COLON: u32 = 0x3a;
export const LEFT_BRACKET: u32 = 0x5b;
export const BACKSLASH: u32 = 0x5c;
export const RIGHT_BRACKET: u32 = 0x5d;
export const LETTER_U: u32 = 0x75;
export const LEFT_BRACE: u32 = 0x7b;
export const RIGHT_BRACE: u32 = 0x7d;

export function isDigit(byte: u32): bool {
  return byte - ZERO < 10;
}
