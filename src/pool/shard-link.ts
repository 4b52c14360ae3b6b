import { Piscina } from 'piscina';
import type { Logger } from 'pino';
import type { ShardStatus } from '../messages/answer.js';
import { OrderedAnswers } from './ordered-answers.js';
import { withoutGroups } from '../messages/task.js';
import type { Work } from '../messages/work.js';

export interface ShardLinkOptions {
  readonly index: number;
  /** The worker's module. */
  readonly filename: string;
  readonly workerData: unknown;
  readonly log: Logger;
  /** An answer in the format of answer.ts. */
  readonly onAnswer: (answer: Uint8Array<ArrayBuffer>) => void;
  /** The shard can take another task. */
  readonly onReady: () => void;
  /** The worker was replaced: it has been told nothing but the tasks that were not settled. */
  readonly onRestarted: () => void;
  /** A task killed its worker again and again; its records will never be answered. */
  readonly onAbandoned: (task: Uint8Array<ArrayBuffer>) => void;
}

/** A task that is not settled: some of its records are not answered or not durable. */
interface Retained {
  readonly id: number;
  bytes: Uint8Array<ArrayBuffer>;
  /** Groups in the bytes that must not be given to another worker. */
  readonly settledGroups: Set<number>;
  deaths: number;
  /** Given to the present worker. */
  sent: boolean;
}

/** Tasks that a worker has at a time: one it works on and one that is there when it is done. */
const MAX_IN_FLIGHT = 2;
/** What else it is asked at a time; one that waits for another server must not keep a task from its turn. */
const MAX_ASKED = 250;
/** Workers that a task may kill on its own before it is given up. */
const MAX_DEATHS = 3;
const START_TIMEOUT_MS = 30_000;
const LAST_RESTART_DELAY_MS = 5_000;

/**
 * The acceptor's end of one shard. Keeps every task until the shard says that all of it is answered and durable; when
 * the worker dies, a new one gets them again (contract 8 of the design: merging is idempotent).
 */
export class ShardLink {
  readonly #options: ShardLinkOptions;
  /** In the order of their ids. */
  readonly #retained = new Map<number, Retained>();
  readonly #unsent: Retained[] = [];
  readonly #fences: { readonly upTo: number; readonly resolve: () => void }[] = [];
  #pool: Piscina | undefined;
  /** Of the present worker. */
  #answers: OrderedAnswers | undefined;
  #inFlight = 0;
  #asked = 0;
  /** Awareness that the present worker has not taken. */
  #telling = false;
  #lastTask = 0;
  #retainedBytes = 0;
  #restarts = 0;
  /** After a death: tasks up to this one go one at a time, to find the one that kills. */
  #quarantineUpTo = 0;
  #state: 'new' | 'running' | 'restarting' | 'stopped' = 'new';
  status: ShardStatus = { storageHealthy: true, busConnected: true, documents: 0, bytes: 0, pendingBytes: 0 };

  constructor(options: ShardLinkOptions) {
    this.#options = options;
  }

  /** Bytes of the tasks that are not settled. */
  get retainedBytes(): number {
    return this.#retainedBytes;
  }

  /** Tasks that are not settled. */
  get unsettled(): number {
    return this.#retained.size;
  }

  get running(): boolean {
    return this.#state === 'running';
  }

  /** How often the worker had to be replaced. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Whether a task given now would be sent at once. */
  get ready(): boolean {
    return this.#state === 'running' && this.#unsent.length === 0 && this.#maySend();
  }

  /** The worker's thread, for tests that end it. */
  get thread(): Piscina['threads'][number] | undefined {
    return this.#pool?.threads[0];
  }

  /** @throws When the worker can't start, for example because its storage can't be opened. */
  async start(): Promise<void> {
    await this.#spawn();
    this.#state = 'running';
  }

  /** Gives the shard a task, now or as soon as it can take it. */
  submit(bytes: Uint8Array<ArrayBuffer>): void {
    const task: Retained = { id: ++this.#lastTask, bytes, settledGroups: new Set(), deaths: 0, sent: false };
    this.#retained.set(task.id, task);
    this.#retainedBytes += bytes.length;
    this.#unsent.push(task);
    this.#send();
  }

  /**
   * Has the worker do something besides its tasks.
   *
   * @throws When there is no worker, when it dies meanwhile, or when it is asked too much.
   */
  async ask(work: Work): Promise<unknown> {
    const pool = this.#pool;
    if (this.#state !== 'running' || pool === undefined) throw new Error('the shard is not running');
    if (this.#asked >= MAX_ASKED) throw new Error('the shard is asked too much');
    this.#asked++;
    try {
      return await pool.run(work);
    } finally {
      this.#asked--;
    }
  }

  /** Whether awareness given now would be taken: one lot at a time, so that nothing piles up before a busy worker. */
  get acceptsAwareness(): boolean {
    return this.#state === 'running' && !this.#telling;
  }

  /** Gives the worker entries in the format of awareness-task.ts, which are lost with it; see `acceptsAwareness`. */
  tell(bytes: Uint8Array<ArrayBuffer>): void {
    const pool = this.#pool;
    if (pool === undefined || !this.acceptsAwareness) return;
    this.#telling = true;
    const told = (): void => {
      if (this.#pool === pool) this.#telling = false;
    };
    // Rejected when the worker ended: the next one is told everything.
    pool.run({ kind: 'awareness', bytes } satisfies Work).then(told, told);
  }

  /** The shard says that a task needs no more keeping. */
  settle(id: number): void {
    const task = this.#retained.get(id);
    if (task === undefined) return;
    this.#retained.delete(id);
    this.#retainedBytes -= task.bytes.length;
    this.#checkFences();
    this.#send();
    if (this.ready) this.#options.onReady();
  }

  /** The shard says that the records of one document in a task need no more keeping. */
  settlePart(id: number, group: number): void {
    this.#retained.get(id)?.settledGroups.add(group);
  }

  /** Resolves when all tasks submitted so far are settled. */
  async fence(): Promise<void> {
    if (this.#oldest() > this.#lastTask) return;
    await new Promise<void>((resolve) => this.#fences.push({ upTo: this.#lastTask, resolve }));
  }

  /** Waits until what was merged is durable, then ends the worker. */
  async stop(): Promise<void> {
    const running = this.#state === 'running';
    this.#state = 'stopped';
    if (running) await this.#pool?.run({ kind: 'stop' } satisfies Work);
    await this.#pool?.destroy();
  }

  async #spawn(): Promise<void> {
    const { filename, workerData } = this.#options;
    const pool = new Piscina({
      filename,
      workerData,
      minThreads: 1,
      maxThreads: 1,
      idleTimeout: Infinity,
      // The default freezes the worker's event loop between tasks, and commits run there.
      atomics: 'disabled',
      concurrentTasksPerWorker: MAX_IN_FLIGHT + MAX_ASKED + 2,
    });
    this.#pool = pool;
    this.#answers = new OrderedAnswers(this.#options.onAnswer);
    pool.on('error', (error: unknown) => {
      this.#options.log.error({ err: error, shard: this.#options.index }, 'shard worker failed');
    });
    pool.on('message', (answer: Uint8Array<ArrayBuffer>) => {
      if (this.#pool === pool) this.#answers?.take(answer);
    });
    pool.threads[0]?.once('exit', (code: number) => {
      if (this.#pool === pool && this.#state === 'running') this.#died(code);
    });
    try {
      await pool.run({ kind: 'start' } satisfies Work, { signal: AbortSignal.timeout(START_TIMEOUT_MS) });
    } catch (error) {
      void pool.destroy();
      throw error;
    }
  }

  #maySend(): boolean {
    if (this.#quarantineUpTo === 0) return this.#inFlight < MAX_IN_FLIGHT;
    for (const task of this.#retained.values()) if (task.sent) return false;
    return true;
  }

  #send(): void {
    if (this.#quarantineUpTo > 0 && this.#oldest() > this.#quarantineUpTo) this.#quarantineUpTo = 0;
    while (this.#state === 'running' && this.#unsent.length > 0 && this.#maySend()) {
      const task = this.#unsent.shift();
      if (task !== undefined) this.#run(task);
    }
  }

  #run(task: Retained): void {
    const pool = this.#pool;
    if (pool === undefined) return;
    task.sent = true;
    this.#inFlight++;
    // Copied, not transferred: the bytes are needed again when the worker dies.
    pool.run({ kind: 'task', task: task.id, bytes: task.bytes } satisfies Work).then(
      (answer: Uint8Array<ArrayBuffer> | undefined) => {
        if (this.#pool !== pool) return;
        this.#inFlight--;
        if (answer !== undefined) this.#answers?.take(answer);
        this.#send();
        if (this.ready) this.#options.onReady();
      },
      // Rejected because the worker ended: `exit` deals with it.
      () => undefined,
    );
  }

  /** What was acknowledged must not be merged once more. */
  #dropSettled(task: Retained): void {
    if (task.settledGroups.size === 0) return;
    this.#retainedBytes -= task.bytes.length;
    task.bytes = withoutGroups(task.bytes, task.settledGroups);
    this.#retainedBytes += task.bytes.length;
    task.settledGroups.clear();
  }

  #died(code: number): void {
    const { log, index } = this.#options;
    this.#state = 'restarting';
    this.#restarts++;
    log.error({ shard: index, code, tasks: this.#retained.size }, 'shard worker ended; it is replaced');
    void this.#pool?.destroy();
    for (const task of this.#retained.values()) this.#dropSettled(task);
    this.#quarantine();
    this.#inFlight = 0;
    this.#telling = false;
    this.#unsent.length = 0;
    for (const task of this.#retained.values()) {
      task.sent = false;
      this.#unsent.push(task);
    }
    this.#quarantineUpTo = this.#retained.size > 0 ? this.#lastTask : 0;
    void this.#restart(0);
  }

  /** A task that was alone with the worker when it died is the likely cause. */
  #quarantine(): void {
    const suspects = [...this.#retained.values()].filter((task) => task.sent);
    const [suspect] = suspects;
    if (this.#quarantineUpTo === 0 || suspects.length !== 1 || suspect === undefined) return;
    if (++suspect.deaths < MAX_DEATHS) return;
    this.#options.log.error({ shard: this.#options.index, bytes: suspect.bytes.length }, 'a task is given up');
    this.#retained.delete(suspect.id);
    this.#retainedBytes -= suspect.bytes.length;
    this.#options.onAbandoned(suspect.bytes);
    this.#checkFences();
  }

  async #restart(delayMs: number): Promise<void> {
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (this.#state !== 'restarting') return;
    try {
      await this.#spawn();
    } catch (error) {
      this.#options.log.error({ err: error, shard: this.#options.index }, 'shard worker could not be started');
      void this.#restart(Math.min(LAST_RESTART_DELAY_MS, Math.max(100, delayMs * 2)));
      return;
    }
    // It may have been stopped meanwhile; the compiler believes the check above still holds.
    if ((this.#state as string) === 'stopped') {
      void this.#pool?.destroy();
      return;
    }
    this.#state = 'running';
    this.#options.onRestarted();
    this.#send();
    if (this.ready) this.#options.onReady();
  }

  #oldest(): number {
    for (const id of this.#retained.keys()) return id;
    return Infinity;
  }

  #checkFences(): void {
    const oldest = this.#oldest();
    while (this.#fences.length > 0 && (this.#fences[0]?.upTo ?? Infinity) < oldest) this.#fences.shift()?.resolve();
  }
}
