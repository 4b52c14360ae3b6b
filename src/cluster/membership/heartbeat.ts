/** Keeps this node on the list of nodes, and holds the last list that it got. Runs on the acceptor's thread. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ClusterRoom, NodeEntry, NodeFacts } from './shared-state.js';
import type { ClusterView } from './view.js';

export interface HeartbeatOptions {
  /**
   * The present entry of this node. Called every few seconds and for every HTTP request, so its cost must be bounded.
   */
  readonly entry: () => NodeEntry;
  /** As `SharedState.announce`. @param leaseMs Length of the lease. */
  readonly announce: (entry: NodeEntry, leaseMs: number) => Promise<ClusterView>;
  readonly leave: (run: string) => Promise<void>;
  readonly log: Logger;
  readonly metrics: HeartbeatMetrics;
  /** Called with runs that were on the list and have ended: a complete list came without them. */
  readonly onGone?: ((runs: readonly string[]) => void) | undefined;
  /** Time between two announcements. Default 2000. */
  readonly everyMs?: number | undefined;
  /** Default 10 000. */
  readonly leaseMs?: number | undefined;
}

export interface HeartbeatMetrics {
  /** Announcements that failed. */
  readonly clusterAnnounceFailures: { add(amount: number): void };
  /** Entries of the list that could not be decoded. */
  readonly clusterMalformed: { add(amount: number): void };
}

/** The cluster as this node knows it. */
export interface ClusterStatus {
  /** Whether the last list is older than a lease, or there is none yet; then only this node is known. */
  readonly stale: boolean;
  /** Age of the last list; undefined when there is none yet. */
  readonly ageMs: number | undefined;
  readonly nodes: readonly { readonly facts: NodeFacts; readonly self: boolean }[];
  /** Sums over the documents that the nodes list, those with the most subscribers first. */
  readonly rooms: readonly ClusterRoom[];
}

/** Time between two announcements, in ms. Each reads the whole list, so the cost grows with the square of the nodes. */
const EVERY_MS = 2_000;
/** Allows four announcements in a row to fail, as when a shard is replaced or Redis fails over. */
const LEASE_MS = 10_000;
/** Longest time that `leave` waits, in ms; without it the entry ends with its lease. */
const LEAVE_MS = 1_500;

interface Last {
  readonly view: ClusterView;
  /** When it was requested, in ms of the monotonic clock; the list is at most that old. */
  readonly at: number;
}

export class ClusterHeartbeat {
  readonly #options: HeartbeatOptions;
  readonly #everyMs: number;
  readonly #leaseMs: number;
  #last: Last | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The announcement in progress, or a settled one. */
  #beating: Promise<void> = Promise.resolve();
  #stopped = false;
  #loggedFailure = false;
  /** When the list contains all live nodes again, by the clock of the list. */
  #completeAt = Infinity;
  /** Runs that were on a list and are not known to have ended. */
  #listed = new Set<string>();
  readonly #duplicates = new DuplicateIds();

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#everyMs = options.everyMs ?? EVERY_MS;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
  }

  /** Announces this node now, and then periodically until it leaves. May be called again for an extra announcement. */
  beat(): void {
    clearTimeout(this.#timer);
    this.#beating = this.#beating.then(async () => {
      clearTimeout(this.#timer);
      if (this.#stopped) return;
      await this.#announce();
      this.#timer = setTimeout(() => {
        this.beat();
      }, this.#everyMs);
    });
  }

  /** Removes this node from the list. Resolves when that is done, has failed, or takes too long. */
  async leave(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const leaving = this.#beating.then(async () => {
      clearTimeout(this.#timer);
      await this.#options.leave(this.#options.entry().run);
    });
    await Promise.race([leaving.catch(() => undefined), sleep(LEAVE_MS)]);
  }

  /** Nodes that are known, this one included. */
  get size(): number {
    const view = this.#current();
    return view === undefined ? 1 : Math.max(1, view.nodes.length);
  }

  /** Costs O(number of nodes), plus one call of `entry`. */
  status(): ClusterStatus {
    const { rooms, ...own } = this.#options.entry();
    const ageMs = this.#last === undefined ? undefined : performance.now() - this.#last.at;
    const self = { facts: own, self: true };
    const view = this.#current();
    if (view === undefined) {
      return { stale: true, ageMs, nodes: [self], rooms: rooms.map((room) => ({ ...room, nodes: 1 })) };
    }
    const others = view.nodes.filter(({ run }) => run !== own.run);
    const nodes = [self, ...others.map((facts) => ({ facts, self: false }))];
    return { stale: false, ageMs, nodes, rooms: view.rooms };
  }

  /** The last list, unless it is older than a lease. */
  #current(): ClusterView | undefined {
    const last = this.#last;
    return last === undefined || performance.now() - last.at > this.#leaseMs ? undefined : last.view;
  }

  async #announce(): Promise<void> {
    const { entry, announce, log, metrics } = this.#options;
    const at = performance.now();
    try {
      const own = entry();
      const view = await announce(own, this.#leaseMs);
      this.#last = { view, at };
      this.#loggedFailure = false;
      metrics.clusterMalformed.add(view.malformed);
      this.#inspect(view, own);
    } catch (error) {
      metrics.clusterAnnounceFailures.add(1);
      if (this.#loggedFailure) return;
      this.#loggedFailure = true;
      const reason = error instanceof Error ? error.message : String(error);
      log.warn({ reason }, 'this node can not put itself on the list of nodes; retrying');
    }
  }

  #inspect(view: ClusterView, own: NodeEntry): void {
    const { log, onGone } = this.#options;
    const duplicate = this.#duplicates.find(view, own);
    if (duplicate !== undefined) {
      const other = { host: duplicate.host, pid: duplicate.pid, port: duplicate.port };
      log.warn({ nodeId: own.nodeId, other }, 'another process runs with the id of this node: each needs its own');
    }
    // After Redis has lost its data, all live nodes are on the list again within a lease; until then a missing node may
    // be alive.
    if (!view.known) this.#completeAt = view.now + this.#leaseMs;
    const alive = new Set(view.nodes.map(({ run }) => run));
    const missing = [...this.#listed].filter((run) => !alive.has(run));
    if (view.now < this.#completeAt) {
      this.#listed = new Set([...alive, ...missing]);
      return;
    }
    this.#listed = alive;
    if (missing.length > 0) onGone?.(missing);
  }
}

/**
 * Finds other processes with the same node id. A former run of this node may stay on the list until its lease ends, and
 * a process that is being replaced until it has left; but neither is renewed twice after this run started.
 */
class DuplicateIds {
  /** When this run was first on the list, by the clock of the list. */
  #since: number | undefined;
  /** The last renewal since then, by run. */
  #seen = new Map<string, number>();
  #reported = false;

  /** A duplicate, reported once; once all duplicates are gone, the next one is reported again. */
  find({ now, nodes }: ClusterView, own: NodeEntry): NodeFacts | undefined {
    this.#since ??= now;
    const since = this.#since;
    const duplicates = nodes.filter(
      ({ nodeId, run, draining, renewedAt }) =>
        nodeId === own.nodeId && run !== own.run && !draining && !own.draining && renewedAt > since,
    );
    const renewedTwice = duplicates.find(({ run, renewedAt }) => renewedAt > (this.#seen.get(run) ?? Infinity));
    this.#seen = new Map(duplicates.map(({ run, renewedAt }) => [run, renewedAt]));
    if (duplicates.length === 0) this.#reported = false;
    if (renewedTwice === undefined || this.#reported) return undefined;
    this.#reported = true;
    return renewedTwice;
  }
}
