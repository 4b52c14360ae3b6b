/** Where the loader puts what a call is to read. */
import { resetArena, take } from '../memory/arena';
import { PADDING } from './unescape';

let area: usize = 0;

/** Room for so many bytes. Starts the call's scratch memory anew: nothing that lies there is valid any more. */
export function stage(length: u32): usize {
  resetArena();
  area = take(length + PADDING);
  memory.fill(area + length, 0, PADDING);
  return area;
}

export function stagedArea(): usize {
  return area;
}
