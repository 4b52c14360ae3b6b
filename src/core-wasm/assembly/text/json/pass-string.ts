/**
 * Passes the content of a JSON string that holds a state: every quote of the state has a backslash in front there, one in
 * about six bytes, on which a reader that goes from one to the next spends most of its time.
 */
import { inputArea } from '../../memory/input';
import { BACKSLASH, LETTER_U, QUOTE } from './characters';

/**
 * Passes ordinary bytes and whole escapes at the start of the input area, which 16 zeros follow. Stops at a quote, at what
 * may not be in a string, at an escape that is not whole, and at the end of the input. Returns how many bytes it passed.
 */
export function passString(length: u32): u32 {
  const start = inputArea();
  const end = start + length;
  let at = start;
  while (at < end) {
    // Whether a backslash ended the last 16 bytes, whose quote is still to come.
    let open: u32 = 0;
    for (; at + 16 <= end; at += 16) {
      const bytes = v128.load(at);
      const backslashes: u32 = i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(<i8>BACKSLASH)));
      const quotes: u32 = i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(<i8>QUOTE)));
      const controls: u32 = i8x16.bitmask(i8x16.lt_u(bytes, i8x16.splat(0x20)));
      // Nothing but quotes behind one backslash each; what else there is, is looked at one by one.
      if (quotes != (((backslashes << 1) | open) & 0xffff) || controls != 0) break;
      open = backslashes >> 15;
    }
    at -= open;
    const bytes = v128.load(at);
    const stops: u32 = i8x16.bitmask(
      v128.or(
        i8x16.lt_u(bytes, i8x16.splat(0x20)),
        v128.or(i8x16.eq(bytes, i8x16.splat(<i8>QUOTE)), i8x16.eq(bytes, i8x16.splat(<i8>BACKSLASH))),
      ),
    );
    if (stops == 0) {
      at += 16;
      continue;
    }
    at += ctz(stops);
    if (load<u8>(at) != BACKSLASH) break;
    const size = escapeSize(at);
    // The zeros behind the input make none whole that it cuts.
    if (size == 0) break;
    at += size;
  }
  return <u32>(at - start);
}

/** Bytes of the escape that begins here, 0 when it is none. */
function escapeSize(at: usize): u32 {
  switch (<u32>load<u8>(at, 1)) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f: // slash
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return 2;
    case LETTER_U:
      return isHex(load<u8>(at, 2)) && isHex(load<u8>(at, 3)) && isHex(load<u8>(at, 4)) && isHex(load<u8>(at, 5))
        ? 6
        : 0;
    default:
      return 0;
  }
}

function isHex(byte: u32): bool {
  return byte - 0x30 < 10 || (byte | 0x20) - 0x61 < 6;
}
