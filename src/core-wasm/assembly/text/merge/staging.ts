/** Where the loader writes the input of a call. */
import { resetArena, allocateScratch } from '../../memory/arena';
import { PADDING } from '../json/unescape';

let area: usize = 0;

/** Allocates `length` bytes. Resets the scratch memory: whatever it held is invalid afterwards. */
export function stage(length: u32): usize {
  resetArena();
  area = allocateScratch(length + PADDING);
  memory.fill(area + length, 0, PADDING);
  return area;
}

export function stagedArea(): usize {
  return area;
}
