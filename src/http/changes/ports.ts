/** What the route of the changes needs from the node. */
import type { Change } from '../../storage/changes/port.js';

export interface ChangesRead {
  /** A cursor; undefined for all that is kept; `now` for what is to come. */
  readonly after: string | undefined;
  readonly limit: number;
  /** For so long it waits where there is nothing new, in ms. */
  readonly waitMs: number;
  /** Asked again when time has passed; throws when the sender may see nothing any more. */
  readonly maySee: () => (documentId: string) => boolean;
}

export interface ChangesPage {
  readonly entries: readonly Change[];
  /** Where to go on. */
  readonly cursor: string;
  readonly hasMore: boolean;
}

export interface ChangesPort {
  /** @throws ProtocolError NOT_FOUND where the feed is off, CURSOR_EXPIRED when something may have been missed. */
  read(request: ChangesRead): Promise<ChangesPage>;
}
