/** What the acceptor asks the shards about whole documents. */
import type { ListRequest } from '../storage/lifecycle/port.js';

/** A document comes to its end, or back. */
export interface EndingRequest {
  readonly kind: 'delete' | 'restore' | 'erase';
  readonly documentId: string;
  /** As in `Erasure`. */
  readonly deletedBefore?: number | undefined;
}

export type LifecycleRequest = EndingRequest | { readonly kind: 'list'; readonly list: ListRequest };
