/** What the acceptor's side asks of a shard's worker through its pool. */
export type Work =
  /** Opens the storage and the core; must come first. */
  | { readonly kind: 'start' }
  /** Records in the format of task.ts; the result is an answer in the format of answer.ts, or undefined. */
  | { readonly kind: 'task'; readonly task: number; readonly bytes: Uint8Array<ArrayBuffer> }
  /** Answered when all that was merged is durable and the storage is closed; must come last. */
  | { readonly kind: 'stop' };
