/**
 * The port to the state that all nodes share besides documents: the list of nodes, and counts within a window of time.
 * None of it has to be durable, and every entry expires. One contract suite (test/contract/shared-state.ts) runs against
 * every adapter.
 */

/** A document with subscribers on a node, as `/rooms` lists it. */
export interface Room {
  readonly id: string;
  readonly subscribers: number;
  /** When a change was last published, in ms since the epoch by the clock of its node; 0 if never. */
  readonly lastModified: number;
}

/** A document with subscribers on some nodes. */
export interface ClusterRoom extends Room {
  /** Number of nodes that list it. */
  readonly nodes: number;
}

/** What a node publishes about itself, without its rooms. */
export interface NodeFacts {
  readonly nodeId: string;
  /** The name that clients may see. */
  readonly publicId: string;
  /** Names the process, unique among all nodes and starts. */
  readonly run: string;
  readonly version: string;
  /** Process, host and port are for operators and not shown to clients. */
  readonly pid: number;
  readonly host: string;
  readonly port: number;
  /** Milliseconds since the epoch, by the clock of the node. */
  readonly startedAt: number;
  readonly connections: number;
  /** Different users. */
  readonly users: number;
  /** Client ids that are bound to connections. */
  readonly clients: number;
  /** Documents in memory. */
  readonly documents: number;
  readonly draining: boolean;
  /** Undefined for a node without metrics, or of an older version. */
  readonly activity?: Activity | undefined;
}

/** What a process has done since its start: rates are differences. */
export interface Activity {
  /** Frames to subscribers. */
  readonly deliveries: number;
  /** Acknowledged writes by how long the ack took: one count per bound of `latencies` in metrics/buckets.ts, and the rest. */
  readonly acks: readonly number[];
}

/** What a node publishes about itself. */
export interface NodeEntry extends NodeFacts {
  /** Some of its documents with subscribers; readers ignore those beyond `MAX_ROOMS`. */
  readonly rooms: readonly Room[];
}

/** An entry as the list has it. */
export type Listed<Entry> = Entry & {
  /**
   * Last announcement, in ms since the epoch by the clock of the shared state, which may differ from the nodes' clocks.
   */
  readonly renewedAt: number;
};

/** The list of nodes. */
export interface NodeList {
  /** When it was read, in ms since the epoch by the clock of the shared state. */
  readonly now: number;
  /** The nodes whose lease has not ended, including the caller; in no order. */
  readonly nodes: readonly Listed<NodeEntry>[];
  /**
   * Whether the caller was on the list already. If not, it is new or the list was lost; then live nodes may be missing
   * until their next announcement.
   */
  readonly known: boolean;
  /** Entries that could not be decoded and were left out. */
  readonly malformed: number;
}

/** The result of a count. */
export interface Counted {
  /** Calls within the present window, this one included. */
  readonly count: number;
  /** Milliseconds until the window ends. */
  readonly endsInMs: number;
}

/** How attempts that may fail are slowed down. */
export interface ThrottlePolicy {
  /** Attempts that have not to wait. */
  readonly free: number;
  /** The first wait, in ms; each later one is twice as long. */
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** Attempts are forgotten after this time without another, in ms. */
  readonly keepMs: number;
}

/** Milliseconds to wait after so many attempts. */
export function waitAfter(attempts: number, { free, firstWaitMs, longestWaitMs }: ThrottlePolicy): number {
  if (attempts <= free) return 0;
  return Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(40, attempts - free - 1));
}

/** Most rooms in an entry. Every node reads all entries every few seconds, so they have to stay small. */
export const MAX_ROOMS = 100;

/**
 * All methods reject with a {@link SharedStateError} when the state can't be reached, within a bounded time; whether
 * anything was changed by then is not known. Nothing is kept to be sent later. Belongs to one thread.
 */
export interface SharedState {
  /**
   * Adds or renews the entry of this run for the length of a lease, removes the entries whose lease has ended, and
   * reads the list. One atomic step, by the clock of the shared state.
   */
  announce(entry: NodeEntry, leaseMs: number): Promise<NodeList>;

  /** Removes a run from the list. */
  leave(run: string): Promise<void>;

  /**
   * Counts one event of a key, within a window that begins with the first event.
   *
   * @param windowMs Above 0.
   */
  count(key: string, windowMs: number): Promise<Counted>;

  /**
   * Counts an attempt as one that fails. While one has to wait, nothing is counted.
   *
   * @returns Milliseconds to wait; 0 for an attempt that may be made.
   */
  attempt(key: string, policy: ThrottlePolicy): Promise<number>;

  /** An attempt has succeeded: those before are forgotten. */
  clear(key: string): Promise<void>;

  /** An attempt has succeeded: it does not count, those before do. */
  takeBack(key: string): Promise<void>;

  /** Closes it: operations in progress are rejected. May be called again. */
  close(): void;
}

/** An operation failed. The message is for operators and contains nothing of what was sent. */
export class SharedStateError extends Error {
  override readonly name = 'SharedStateError';
}
