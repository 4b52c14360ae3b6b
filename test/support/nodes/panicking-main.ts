/**
 * The server as it is started, but one whose disk fails at the worst moment when it is sent a message: LMDB can write the
 * pages of a commit, and not the meta page that makes them valid.
 */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

const syncs = 0o10000; // O_DSYNC

process.on('message', () => {
  for (const descriptor of readdirSync('/proc/self/fd')) {
    if (!isOfMetaPages(descriptor)) continue;
    closeSync(Number(descriptor));
    // Takes its place, and can't be written either.
    openSync('/dev/null', 'r');
    process.send?.('broken');
  }
});

await import('../../../src/main.js');

/** LMDB writes them to a descriptor of their own. */
function isOfMetaPages(descriptor: string): boolean {
  try {
    if (!readlinkSync(`/proc/self/fd/${descriptor}`).endsWith('data.mdb')) return false;
    const [, flags = ''] = /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8')) ?? [];
    return (parseInt(flags, 8) & syncs) !== 0;
  } catch {
    return false;
  }
}
