import { withoutGroups } from '../messages/task.js';

/** A task that is not settled: some of its records are not answered or not durable. */
export interface RetainedTask {
  /** Of the link; greater than that of each task before. */
  readonly id: number;
  /** In the format of task.ts. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Places of the groups in the bytes that are settled, and must not be given to another worker. */
  readonly settledGroups: Set<number>;
  /** Workers that ended while they had this task alone. */
  deaths: number;
  /** Whether the present worker has it. */
  sent: boolean;
}

interface Fence {
  readonly upTo: number;
  readonly resolve: () => void;
}

/** Tasks that a worker has at a time: one that it works on, and one that is there when it is done. */
const MAX_IN_FLIGHT = 2;
/** Workers that a task may end on its own before it is given up. */
const MAX_DEATHS = 3;

/**
 * The tasks of one shard until they are settled, and which of them its worker may have now. After the death of a worker
 * they are in quarantine: the next one gets them again one at a time, so that a poisoned one is found and given up.
 */
export class RetainedTasks {
  /** In the order of their ids. */
  readonly #tasks = new Map<number, RetainedTask>();
  readonly #unsent: RetainedTask[] = [];
  readonly #fences: Fence[] = [];
  #lastId = 0;
  #bytes = 0;
  /** Id of the last task in quarantine; 0 when there is none. */
  #quarantineUpTo = 0;

  get size(): number {
    return this.#tasks.size;
  }

  /** Bytes of all tasks. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @param inFlight Tasks that the worker has and is not done with. */
  isReady(inFlight: number): boolean {
    return this.#unsent.length === 0 && this.#mayFollow(inFlight);
  }

  add(bytes: Uint8Array<ArrayBuffer>): void {
    const task: RetainedTask = { id: ++this.#lastId, bytes, settledGroups: new Set(), deaths: 0, sent: false };
    this.#tasks.set(task.id, task);
    this.#bytes += bytes.length;
    this.#unsent.push(task);
  }

  /**
   * The task that the worker is given next, if it may be given one.
   *
   * @param inFlight Tasks that the worker has and is not done with.
   */
  next(inFlight: number): RetainedTask | undefined {
    if (this.#quarantineUpTo > 0 && this.#oldest() > this.#quarantineUpTo) this.#quarantineUpTo = 0;
    if (this.#unsent.length === 0 || !this.#mayFollow(inFlight)) return undefined;
    const task = this.#unsent.shift();
    if (task !== undefined) task.sent = true;
    return task;
  }

  /** A task is settled. @returns Whether it was not already. */
  settle(id: number): boolean {
    const task = this.#tasks.get(id);
    if (task === undefined) return false;
    this.#remove(task);
    return true;
  }

  /** The records of one document in a task are settled. @param group Its place in the task. */
  settleGroup(id: number, group: number): void {
    this.#tasks.get(id)?.settledGroups.add(group);
  }

  /** Resolves when all tasks added so far are settled or given up. */
  async fence(): Promise<void> {
    if (this.#oldest() > this.#lastId) return;
    await new Promise<void>((resolve) => this.#fences.push({ upTo: this.#lastId, resolve }));
  }

  /** The worker ended; the next one gets all tasks again. @returns A task that is given up, if there is one. */
  requeue(): RetainedTask | undefined {
    // What was acknowledged must not be merged once more.
    for (const task of this.#tasks.values()) this.#dropSettledGroups(task);
    const poisoned = this.#findPoisoned();
    if (poisoned !== undefined) this.#remove(poisoned);
    this.#unsent.length = 0;
    for (const task of this.#tasks.values()) {
      task.sent = false;
      this.#unsent.push(task);
    }
    this.#quarantineUpTo = this.#tasks.size > 0 ? this.#lastId : 0;
    return poisoned;
  }

  #mayFollow(inFlight: number): boolean {
    if (this.#quarantineUpTo === 0) return inFlight < MAX_IN_FLIGHT;
    for (const task of this.#tasks.values()) if (task.sent) return false;
    return true;
  }

  /** A task that was alone with the worker when it ended is the likely cause. */
  #findPoisoned(): RetainedTask | undefined {
    const suspects = [...this.#tasks.values()].filter((task) => task.sent);
    const [suspect] = suspects;
    if (this.#quarantineUpTo === 0 || suspects.length !== 1 || suspect === undefined) return undefined;
    return ++suspect.deaths < MAX_DEATHS ? undefined : suspect;
  }

  #dropSettledGroups(task: RetainedTask): void {
    if (task.settledGroups.size === 0) return;
    this.#bytes -= task.bytes.length;
    task.bytes = withoutGroups(task.bytes, task.settledGroups);
    this.#bytes += task.bytes.length;
    task.settledGroups.clear();
  }

  #remove(task: RetainedTask): void {
    this.#tasks.delete(task.id);
    this.#bytes -= task.bytes.length;
    const oldest = this.#oldest();
    while (this.#fences.length > 0 && (this.#fences[0]?.upTo ?? Infinity) < oldest) this.#fences.shift()?.resolve();
  }

  #oldest(): number {
    for (const id of this.#tasks.keys()) return id;
    return Infinity;
  }
}
