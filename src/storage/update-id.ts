/** Ids of text updates. */

import { randomFillSync } from 'node:crypto';

const timeBytes = 6;
const last = Buffer.alloc(16);

/**
 * An id for a new update: 12 hex digits of the time and 20 random ones. Within a thread each id is greater than those
 * before, also when the clock stands still or goes back: it is then the last id plus one.
 *
 * @param now Milliseconds since the epoch.
 */
export function newUpdateId(now: number): string {
  const time = Math.trunc(now);
  if (time > last.readUIntBE(0, timeBytes)) {
    last.writeUIntBE(time, 0, timeBytes);
    randomFillSync(last, timeBytes);
  } else {
    addOne(last);
  }
  return last.toString('hex');
}

function addOne(bytes: Buffer): void {
  for (let i = bytes.length - 1; i >= 0; i--) {
    const sum = bytes.readUInt8(i) + 1;
    bytes.writeUInt8(sum & 0xff, i);
    if (sum <= 0xff) return;
  }
}
