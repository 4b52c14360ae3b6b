/** What keeps this node on the list of nodes, and the list for those who ask. Runs on the acceptor's thread. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ClusterRoom, NodeEntry, NodeFacts } from './shared-state.js';
import type { ClusterView } from './view.js';

export interface HeartbeatOptions {
  /** This node, now; called every few seconds and for every request, so it must take a bounded time. */
  readonly entry: () => NodeEntry;
  readonly announce: (entry: NodeEntry, leaseMs: number) => Promise<ClusterView>;
  readonly leave: (run: string) => Promise<void>;
  readonly log: Logger;
  readonly metrics: HeartbeatMetrics;
  /** Called with runs that were on the list and are over: a list came in which no node that lives can be missing. */
  readonly onGone?: ((runs: readonly string[]) => void) | undefined;
  readonly everyMs?: number | undefined;
  readonly leaseMs?: number | undefined;
}

export interface HeartbeatMetrics {
  /** Announcements that failed. */
  readonly clusterAnnounceFailures: { add(amount: number): void };
  /** Entries that could not be read. */
  readonly clusterMalformed: { add(amount: number): void };
}

/** The cluster as this node knows it. */
export interface ClusterStatus {
  /** The last list is older than a lease, or there is none yet: only this node is known. */
  readonly stale: boolean;
  /** How old the last list is; undefined when there is none yet. */
  readonly ageMs: number | undefined;
  readonly nodes: readonly { readonly facts: NodeFacts; readonly self: boolean }[];
  /** Sums over what each node names of its documents, those with the most subscribers first. */
  readonly rooms: readonly ClusterRoom[];
}

/** Every node reads the list so often, and each is in it: more often would cost more and show little more. */
const EVERY_MS = 2_000;
/** Four announcements in a row may fail, as when a shard is replaced or Redis fails over, before a node is given up. */
const LEASE_MS = 10_000;
/** How long a node that goes waits for being taken off the list; it would leave by itself with its lease. */
const LEAVE_MS = 1_500;

interface Last {
  readonly view: ClusterView;
  /** When it was asked for, by `performance.now()`: it is at least that old. */
  readonly at: number;
}

export class ClusterHeartbeat {
  readonly #options: HeartbeatOptions;
  readonly #everyMs: number;
  readonly #leaseMs: number;
  #last: Last | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The announcement that is under way, if one is. */
  #beating: Promise<void> = Promise.resolve();
  #stopped = false;
  #saidFailed = false;
  /** By the clock of the list: from then on it has everybody who lives. */
  #completeAt = Infinity;
  /** Runs that were on a list and are not known to be over. */
  #listed = new Set<string>();
  readonly #twins = new Twins();

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#everyMs = options.everyMs ?? EVERY_MS;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
  }

  /** Announces this node at once, and goes on until it leaves; called again, at once once more. */
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

  /** Takes this node off the list. Resolves when that is done, has failed, or takes too long. */
  async leave(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const leaving = this.#beating.then(async () => {
      clearTimeout(this.#timer);
      await this.#options.leave(this.#options.entry().run);
    });
    await Promise.race([leaving.catch(() => undefined), sleep(LEAVE_MS)]);
  }

  /** Nodes that are known of, this one included. */
  get size(): number {
    const view = this.#current();
    return view === undefined ? 1 : Math.max(1, view.nodes.length);
  }

  /** Costs the number of nodes, and what `entry` does. */
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

  /** The last list, unless nodes on it may be long gone. */
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
      this.#saidFailed = false;
      metrics.clusterMalformed.add(view.malformed);
      this.#look(view, own);
    } catch (error) {
      metrics.clusterAnnounceFailures.add(1);
      if (this.#saidFailed) return;
      this.#saidFailed = true;
      const reason = error instanceof Error ? error.message : String(error);
      log.warn({ reason }, 'this node can not put itself on the list of nodes; retrying');
    }
  }

  #look(view: ClusterView, own: NodeEntry): void {
    const { log, onGone } = this.#options;
    const twin = this.#twins.find(view, own);
    if (twin !== undefined) {
      const other = { host: twin.host, pid: twin.pid, port: twin.port };
      log.warn({ nodeId: own.nodeId, other }, 'another process runs with the id of this node: each needs its own');
    }
    // A Redis that was emptied learns of the others within a lease; until then their absence says nothing.
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
 * Finds other processes with the id of this one. A former run of it may be on the list until its lease is over, and the
 * one that it replaces until it has left; neither is renewed twice after this run began.
 */
class Twins {
  /** When this run was first on the list, by the clock of the list. */
  #since: number | undefined;
  /** Renewals since then that were seen last, by run. */
  #seen = new Map<string, number>();
  #said = false;

  /** One that was not told of before; when they are gone, the next is told of again. */
  find({ now, nodes }: ClusterView, own: NodeEntry): NodeFacts | undefined {
    this.#since ??= now;
    const since = this.#since;
    const twins = nodes.filter(
      ({ nodeId, run, draining, renewedAt }) =>
        nodeId === own.nodeId && run !== own.run && !draining && !own.draining && renewedAt > since,
    );
    const twice = twins.find(({ run, renewedAt }) => renewedAt > (this.#seen.get(run) ?? Infinity));
    this.#seen = new Map(twins.map(({ run, renewedAt }) => [run, renewedAt]));
    if (twins.length === 0) this.#said = false;
    if (twice === undefined || this.#said) return undefined;
    this.#said = true;
    return twice;
  }
}
