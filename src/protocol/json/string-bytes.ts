const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** What a byte is in a string: 0 for one that stands for itself. */
export const kinds = new Uint8Array(256);
kinds.fill(1, 0, SPACE);
kinds[QUOTE] = 1;
kinds[BACKSLASH] = 1;
/** 1 for signs that may stand behind a backslash, `u` with its digits aside. */
export const escapable = new Uint8Array(256);
for (const sign of Buffer.from('"\\/bfnrt')) escapable[sign] = 1;
