import { once } from 'node:events';
import { MessageChannel, receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { Logger } from 'pino';
import { awarenessTasksDone, tasksDone, type ShardStatus } from '../messages/answer.js';
import type { ShardInput, Work } from '../messages/work.js';
import { RetainedTasks, type RetainedTask } from './retained-tasks.js';

export interface ShardLinkOptions {
  readonly index: number;
  /** The worker's module. */
  readonly filename: string;
  readonly workerData: unknown;
  readonly log: Logger;
  /** Longest time for the worker to open its storage and be ready. */
  readonly startTimeoutMs: number;
  /** An answer in the format of answer.ts. */
  readonly onAnswer: (answer: Uint8Array<ArrayBuffer>) => void;
  /** The shard can take another task. */
  readonly onReady: () => void;
  /** The worker was replaced: the new one knows nothing but the tasks that were not settled. */
  readonly onRestarted: () => void;
  /** A task ended its worker again and again; its records will never be answered. */
  readonly onAbandoned: (task: Uint8Array<ArrayBuffer>) => void;
}

/** Requests under way at a time, besides tasks. */
const MAX_REQUESTS = 250;
const LAST_RESTART_DELAY_MS = 5_000;

/** A worker did not start in time. Its thread may hang in a call of the system, and then the process can't exit by itself. */
export class ShardStartTimeout extends Error {
  override readonly name = 'ShardStartTimeout';

  constructor(index: number, timeoutMs: number) {
    super(
      `shard ${index} did not start within ${timeoutMs / 1_000} s (SYNCKIT_SHARD_START_TIMEOUT_MS): ` +
        'its storage does not answer, or the host is overloaded',
    );
  }
}

/**
 * The acceptor's end of one shard: starts its worker, gives it tasks, and replaces it when it dies. Tasks go out on a
 * port of the worker's own and answers come back on it. Every task is kept until the shard says that all of it is
 * answered and durable; a new worker gets what is left again (contract 8 of the design: merging is idempotent).
 */
export class ShardLink {
  readonly #options: ShardLinkOptions;
  readonly #tasks = new RetainedTasks();
  #pool: Piscina | undefined;
  /** The pool's only one: finding it there is dear. */
  #thread: Piscina['threads'][number] | undefined;
  /** Our end of the channel to the present worker. */
  #port: MessagePort | undefined;
  /** Tasks that the present worker has and is not done with. */
  #inFlight = 0;
  /** Whether the present worker has an awareness task that it is not done with. */
  #awarenessInFlight = false;
  #requests = 0;
  #restarts = 0;
  #state: 'new' | 'running' | 'restarting' | 'stopped' = 'new';
  status: ShardStatus = { storageHealthy: true, busConnected: true, documents: 0, bytes: 0, pendingBytes: 0 };

  constructor(options: ShardLinkOptions) {
    this.#options = options;
  }

  /** Bytes of the tasks that are not settled. */
  get retainedBytes(): number {
    return this.#tasks.bytes;
  }

  /** Tasks that are not settled. */
  get unsettled(): number {
    return this.#tasks.size;
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
    return this.#state === 'running' && this.#tasks.isReady(this.#inFlight);
  }

  /** The worker's thread, for tests that end it. */
  get thread(): Piscina['threads'][number] | undefined {
    return this.#thread;
  }

  /** @throws When the worker can't start, for example because its storage can't be opened. */
  async start(): Promise<void> {
    await this.#spawn();
    this.#state = 'running';
  }

  /** Gives the shard a task in the format of task.ts, now or as soon as it can take it. */
  submit(bytes: Uint8Array<ArrayBuffer>): void {
    this.#tasks.add(bytes);
    this.#send();
  }

  /**
   * Asks the worker for something besides its tasks.
   *
   * @throws When there is no worker, when it dies meanwhile, or when too many requests are under way.
   */
  async ask(work: Work): Promise<unknown> {
    const pool = this.#pool;
    if (this.#state !== 'running' || pool === undefined) throw new Error('the shard is not running');
    if (this.#requests >= MAX_REQUESTS) throw new Error('the shard is asked too much');
    this.#requests++;
    try {
      return await pool.run(work);
    } finally {
      this.#requests--;
    }
  }

  /** Whether an awareness task given now would be sent: one at a time, so that nothing piles up before a busy worker. */
  get acceptsAwareness(): boolean {
    return this.#state === 'running' && !this.#awarenessInFlight;
  }

  /** Gives the worker a task in the format of awareness-task.ts; dropped unless `acceptsAwareness`, lost with the worker. */
  submitAwareness(bytes: Uint8Array<ArrayBuffer>): void {
    if (!this.acceptsAwareness) return;
    this.#awarenessInFlight = true;
    this.#port?.postMessage({ kind: 'awareness', bytes } satisfies ShardInput);
  }

  /** The shard says that all records of a task are answered and durable. */
  settle(id: number): void {
    if (!this.#tasks.settle(id)) return;
    this.#send();
    if (this.ready) this.#options.onReady();
  }

  /** The shard says that the records of one document in a task are answered and durable. */
  settleGroup(id: number, group: number): void {
    this.#tasks.settleGroup(id, group);
  }

  /** The shard says that what the first records of a group relay is sent. */
  noteRelayed(id: number, group: number, records: number): void {
    this.#tasks.noteRelayed(id, group, records);
  }

  /** Resolves when all tasks submitted so far are settled or given up. */
  async fence(): Promise<void> {
    await this.#tasks.fence();
  }

  /** Waits until what was merged is durable and answered, then ends the worker. */
  async stop(): Promise<void> {
    const port = this.#port;
    const isRunning = this.#state === 'running';
    this.#state = 'stopped';
    if (isRunning && port !== undefined) {
      this.#thread?.ref();
      // The worker closes its end behind its last answer.
      const closed = once(port, 'close');
      await this.#pool?.run({ kind: 'stop' } satisfies Work);
      await closed;
    }
    port?.close();
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
      // Besides the requests, `start` and `stop`.
      concurrentTasksPerWorker: MAX_REQUESTS + 2,
    });
    const { port1: port, port2 } = new MessageChannel();
    this.#pool = pool;
    this.#thread = pool.threads[0];
    this.#port = port;
    this.#inFlight = 0;
    this.#awarenessInFlight = false;
    pool.on('error', (error: unknown) => {
      this.#options.log.error({ err: error, shard: this.#options.index }, 'shard worker failed');
    });
    port.on('message', (answer: Uint8Array<ArrayBuffer>) => {
      if (this.#port === port) this.#receive(answer);
    });
    // The worker keeps the process alive while it has tasks; see `#post`.
    port.unref();
    this.#thread?.once('exit', (code: number) => {
      if (this.#port === port && this.#state === 'running') this.#died(port, code);
    });
    const work: Work = { kind: 'start', port: port2, isReplacement: this.#restarts > 0 };
    const { index, startTimeoutMs } = this.#options;
    const signal = AbortSignal.timeout(startTimeoutMs);
    try {
      await pool.run(work, { transferList: [port2], signal });
    } catch (error) {
      port.close();
      void pool.destroy();
      throw signal.aborted ? new ShardStartTimeout(index, startTimeoutMs) : error;
    }
  }

  #receive(answer: Uint8Array<ArrayBuffer>): void {
    if (awarenessTasksDone(answer) > 0) this.#awarenessInFlight = false;
    const done = tasksDone(answer);
    this.#inFlight -= done;
    this.#options.onAnswer(answer);
    if (done === 0) return;
    this.#send();
    if (this.#inFlight === 0) this.#thread?.unref();
    if (this.ready) this.#options.onReady();
  }

  #send(): void {
    const port = this.#port;
    if (this.#state !== 'running' || port === undefined) return;
    for (let task = this.#tasks.next(this.#inFlight); task !== undefined; task = this.#tasks.next(this.#inFlight)) {
      this.#post(port, task);
    }
  }

  #post(port: MessagePort, { id, bytes }: RetainedTask): void {
    if (++this.#inFlight === 1) this.#thread?.ref();
    // Copied, not transferred: the bytes are needed again when the worker dies.
    port.postMessage({ kind: 'task', task: id, bytes } satisfies ShardInput);
  }

  #died(port: MessagePort, code: number): void {
    const { log, index, onAbandoned } = this.#options;
    this.#state = 'restarting';
    this.#restarts++;
    // Its last words count; after them, nothing of this worker does.
    for (let last = receiveMessageOnPort(port); last !== undefined; last = receiveMessageOnPort(port)) {
      this.#receive(last.message as Uint8Array<ArrayBuffer>);
    }
    this.#port = undefined;
    port.close();
    void this.#pool?.destroy();
    log.error({ shard: index, code, tasks: this.#tasks.size }, 'shard worker ended; it is replaced');
    const poisoned = this.#tasks.requeue(this.#inFlight);
    if (poisoned !== undefined) {
      log.error({ shard: index, bytes: poisoned.bytes.length }, 'a task is given up');
      onAbandoned(poisoned.bytes);
    }
    void this.#restart(0);
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
      this.#port?.close();
      void this.#pool?.destroy();
      return;
    }
    this.#state = 'running';
    this.#options.onRestarted();
    this.#send();
    if (this.ready) this.#options.onReady();
  }
}
