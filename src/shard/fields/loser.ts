import type { Origin } from '../../messages/task.js';
import type { SetOperation } from '../../protocol/operations.js';

/** What counts of a write that lost. */
export type LostWrite = Pick<SetOperation, 'clientId' | 'counter' | 'value'>;

/** A session whose writes lost, and the fields that it must be sent. */
export interface Loser {
  readonly origin: Origin;
  /** The last write of each field. */
  readonly paths: Map<string, LostWrite>;
  /** The client id that it wrote with, if it named one. */
  clientId: string | undefined;
}
