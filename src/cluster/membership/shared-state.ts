/**
 * What all nodes share besides documents, and none of which has to outlive them: the list of nodes and
 * counts within a time. One contract suite (test/contract/shared-state.ts) runs against every adapter. Everything in it
 * ends by itself.
 */

/** A document with subscribers on a node. */
export interface Room {
  readonly id: string;
  readonly subscribers: number;
  /** Milliseconds since the epoch of the last change that was published, by the clock of its node; 0 for none. */
  readonly lastModified: number;
}

/** A document with subscribers on some nodes. */
export interface ClusterRoom extends Room {
  /** How many nodes named it. */
  readonly nodes: number;
}

/** What a node tells of itself that is of one value each. */
export interface NodeFacts {
  readonly nodeId: string;
  /** The name that clients may see. */
  readonly publicId: string;
  /** Of the process: unique among all nodes and starts. */
  readonly run: string;
  readonly version: string;
  /** Of the process, for operators: not shown to clients. */
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
}

/** What a node tells of itself. */
export interface NodeEntry extends NodeFacts {
  /** Some of its documents with subscribers; of what was sent, no more than `MAX_ROOMS` are read. */
  readonly rooms: readonly Room[];
}

/** An entry as the list has it. */
export type Listed<Entry> = Entry & {
  /** Milliseconds since the epoch by the clock of the shared state, which no node's own need agree with. */
  readonly renewedAt: number;
};

/** The list of nodes. */
export interface NodeList {
  /** When it was made; milliseconds since the epoch by the clock of the shared state. */
  readonly now: number;
  /** The nodes whose lease has not run out, the asking one included; in no order. */
  readonly nodes: readonly Listed<NodeEntry>[];
  /**
   * Whether the asking run was in the list already. If not, it is new, or the list was lost: nodes that live may be
   * missing in it until their next announcement.
   */
  readonly known: boolean;
  /** Entries that could not be read and were left out. */
  readonly malformed: number;
}

/** How often something happened. */
export interface Counted {
  /** Within the present window, this time included. */
  readonly count: number;
  /** Until the window ends; milliseconds. */
  readonly endsInMs: number;
}

/** Rooms of an entry at most: it is a glimpse, which every node reads every few seconds. */
export const MAX_ROOMS = 100;

/**
 * All methods reject with a {@link SharedStateError} when the state can't be reached, within a bounded time; whether
 * anything was changed by then is not known. Nothing is kept to be sent later. Belongs to one thread.
 */
export interface SharedState {
  /**
   * Puts this run's entry into the list, or renews it, for the length of a lease, and takes out those whose own leases
   * have run out; in one step, by the clock of the shared state.
   */
  announce(entry: NodeEntry, leaseMs: number): Promise<NodeList>;

  /** Takes a run out of the list. */
  leave(run: string): Promise<void>;

  /**
   * Counts one more of something, within a window that begins with the first.
   *
   * @param windowMs Above 0.
   */
  count(key: string, windowMs: number): Promise<Counted>;

  /** Ends it: what is under way is rejected. May be called again. */
  close(): void;
}

/** The shared state did not do what it was asked. The message is for operators and holds nothing of what was sent. */
export class SharedStateError extends Error {
  override readonly name = 'SharedStateError';
}
