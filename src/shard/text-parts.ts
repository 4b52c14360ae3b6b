import type { TextStore } from '@synckit/core-wasm';
import { newPartId } from '../storage/part-id.js';
import type { TextChange } from '../storage/port.js';
import type { LoadedText } from './text.js';

/** Parts of a text above which they are joined to one: loading reads them all. */
const MANY_PARTS = 1_000;
/** Bytes of parts behind the first above which they are joined to one, if the first is not larger. */
const MANY_BYTES = 65_536;
/** How many times as scattered a text may be when there was no quiet moment to join its parts. */
const PATIENCE = 4;

/** How often a text's parts are written anew is a matter of what was appended, so writing stays proportional to typing. */
export function isScattered({ parts }: LoadedText, factor = 1): boolean {
  const [first, ...later] = parts;
  if (first === undefined || later.length === 0) return false;
  const appended = later.reduce((sum, { bytes }) => sum + bytes, 0);
  return parts.length > MANY_PARTS * factor || appended > Math.max(MANY_BYTES, first.bytes) * factor;
}

/** What changed since the text was last given to the storage, as a part to append. */
export function takeChange(core: TextStore, text: LoadedText, now: number): TextChange {
  if (core.version(text.handle) === text.stored) return { append: [], replaces: [] };
  return isScattered(text, PATIENCE) ? compact(core, text, now) : append(core, text, now, text.stored, []);
}

/** All of the text as one part that replaces those there are. */
export function compact(core: TextStore, text: LoadedText, now: number): TextChange {
  const replaced = text.parts.map(({ id }) => id);
  text.parts = [];
  return append(core, text, now, 0, replaced);
}

function append(
  core: TextStore,
  text: LoadedText,
  now: number,
  since: number,
  replaces: readonly string[],
): TextChange {
  const bytes = core.changesSince(text.handle, since);
  const id = newPartId(now);
  text.stored = core.version(text.handle);
  text.parts.push({ id, bytes: bytes.length });
  return { append: [{ id, bytes }], replaces };
}
