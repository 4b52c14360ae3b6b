/** What the running call has read: blocks in scratch memory, with authors of their own. */
import { BlockList, makeList } from '../block-list';
import { Authors, freeAuthors, makeAuthors } from '../authors';

@unmanaged
export class Incoming {
  blocks: BlockList;
  authors: Authors;
  /** Greatest clock of the state and of all ids, those of dropped blocks too. */
  clock: u64;
  client: usize;
  clientLength: u32;
  /** Whether blocks come in ascending order of their ids. */
  sorted: bool;
  /** Whether some block has an offset. */
  offsets: bool;
  /** Whether some block has no text. */
  empties: bool;
  /** Whether the text is as clients write it. */
  canonical: bool;
}

const incoming: Incoming = changetype<Incoming>(heap.alloc(offsetof<Incoming>()));
incoming.authors = makeAuthors();

/** @param blocks About how many blocks there will be. */
export function startIncoming(blocks: u32): Incoming {
  if (incoming.authors.count > 0) {
    freeAuthors(incoming.authors);
    incoming.authors = makeAuthors();
  }
  incoming.blocks = makeList(blocks + 16);
  incoming.clock = 0;
  incoming.client = 0;
  incoming.clientLength = 0;
  incoming.sorted = true;
  incoming.offsets = false;
  incoming.empties = false;
  incoming.canonical = true;
  return incoming;
}
