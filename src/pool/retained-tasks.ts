import { remainderOf } from '../messages/task.js';

/** A task that is not settled: some of its records are not answered or not durable. */
export interface RetainedTask {
  /** Of the link; greater than that of each task before. */
  readonly id: number;
  /** In the format of task.ts. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Places of the groups in the bytes that are settled, and must not be given to another worker. */
  readonly settledGroups: Set<number>;
  /** Places of groups, and of how many of their first records that is sent which they relay. */
  readonly relayed: Map<number, number>;
  /** Workers that ended while they had this task alone. */
  deaths: number;
  /** Whether the present worker has it. */
  sent: boolean;
  /** Whether a worker ended while it had this task and perhaps another: the next one gets it alone. */
  isSuspect: boolean;
}

interface Fence {
  readonly upTo: number;
  readonly resolve: () => void;
}

/** Tasks that a worker has at a time: one that it works on, and one that is there when it is done. */
const MAX_IN_FLIGHT = 2;
/** Workers that a task may end on its own before it is given up. */
const MAX_DEATHS = 3;

const fresh = { deaths: 0, sent: false, isSuspect: false };

/**
 * The tasks of one shard until they are settled, and which of them its worker may have now. After the death of a worker
 * the next one gets all of them again. What the former one was working on is given to it alone, the rest as fast as it
 * takes it: most of that waits for the storage only, and may be much. When workers die again and again without such a
 * suspect, the tasks are in quarantine: one at a time, each settled before the next. A poisoned one is found either way, and
 * given up.
 */
export class RetainedTasks {
  /** In the order of their ids. */
  readonly #tasks = new Map<number, RetainedTask>();
  readonly #unsent: RetainedTask[] = [];
  readonly #fences: Fence[] = [];
  #lastId = 0;
  #bytes = 0;
  /** What the worker was given last, the oldest in front: at its end are the tasks that it is not done with. */
  #given: RetainedTask[] = [];
  /** Id of the last task that a worker left which died; 0 when all of them are settled. */
  #leftUpTo = 0;
  /** Workers that died since then, of which it is not known why. */
  #unexplained = 0;
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
    const task: RetainedTask = { id: ++this.#lastId, bytes, settledGroups: new Set(), relayed: new Map(), ...fresh };
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
    this.#noteSettled();
    if (this.#unsent.length === 0 || !this.#mayFollow(inFlight)) return undefined;
    const task = this.#unsent.shift();
    if (task === undefined) return undefined;
    task.sent = true;
    this.#given = [...this.#underWay(inFlight), task];
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

  /** What the first records of a group relay is sent. */
  noteRelayed(id: number, group: number, records: number): void {
    this.#tasks.get(id)?.relayed.set(group, records);
  }

  /** Resolves when all tasks added so far are settled or given up. */
  async fence(): Promise<void> {
    if (this.#oldest() > this.#lastId) return;
    await new Promise<void>((resolve) => this.#fences.push({ upTo: this.#lastId, resolve }));
  }

  /**
   * The worker ended; the next one gets all tasks again.
   *
   * @param inFlight Tasks that it had and was not done with.
   * @returns A task that is given up, if there is one.
   */
  requeue(inFlight: number): RetainedTask | undefined {
    this.#noteSettled();
    // What was acknowledged must not be merged once more, nor what was relayed be relayed.
    for (const task of this.#tasks.values()) this.#cutToRemainder(task);
    const suspects = this.#underWay(inFlight).filter(({ id }) => this.#tasks.has(id));
    const poisoned = this.#findPoisoned(suspects);
    if (poisoned !== undefined) this.#remove(poisoned);
    this.#unsent.length = 0;
    for (const task of this.#tasks.values()) {
      task.sent = false;
      this.#unsent.push(task);
    }
    for (const task of suspects) task.isSuspect = true;
    this.#given = [];
    if (this.#unexplained >= MAX_DEATHS) this.#quarantineUpTo = this.#lastId;
    this.#leftUpTo = this.#lastId;
    this.#noteSettled();
    return poisoned;
  }

  #mayFollow(inFlight: number): boolean {
    if (this.#quarantineUpTo === 0) {
      const isAlone = this.#given.at(-1)?.isSuspect === true || this.#unsent[0]?.isSuspect === true;
      return inFlight < (isAlone ? 1 : MAX_IN_FLIGHT);
    }
    for (const task of this.#tasks.values()) if (task.sent) return false;
    return true;
  }

  /** A task that was alone with the worker when it ended is the likely cause. */
  #findPoisoned(underWay: readonly RetainedTask[]): RetainedTask | undefined {
    const suspects = this.#quarantineUpTo === 0 ? underWay : [...this.#tasks.values()].filter((task) => task.sent);
    const [suspect] = suspects;
    // Before the quarantine it was alone only if it was a suspect already.
    const wasAlone = suspects.length === 1 && (this.#quarantineUpTo > 0 || suspect?.isSuspect === true);
    if (suspect === undefined || !wasAlone) {
      this.#unexplained++;
      return undefined;
    }
    return ++suspect.deaths < MAX_DEATHS ? undefined : suspect;
  }

  #cutToRemainder(task: RetainedTask): void {
    if (task.settledGroups.size === 0 && task.relayed.size === 0) return;
    this.#bytes -= task.bytes.length;
    task.bytes = remainderOf(task.bytes, task.settledGroups, task.relayed);
    this.#bytes += task.bytes.length;
    task.settledGroups.clear();
    task.relayed.clear();
  }

  /** The tasks that the worker is not done with. */
  #underWay(inFlight: number): RetainedTask[] {
    return inFlight === 0 ? [] : this.#given.slice(-inFlight);
  }

  #noteSettled(): void {
    const oldest = this.#oldest();
    if (oldest > this.#leftUpTo) this.#leftUpTo = this.#unexplained = 0;
    if (oldest > this.#quarantineUpTo) this.#quarantineUpTo = 0;
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
