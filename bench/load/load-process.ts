import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Command, Commands } from './commands.js';
import type { Order, Report } from './main.js';

interface Waiting {
  readonly resolve: (reply: never) => void;
  readonly reject: (error: Error) => void;
}

/** The bench's end of a load process: clients that have a thread, and a core, of their own. */
export class LoadProcess {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #orders = 0;
  #ended: Error | undefined;

  constructor() {
    this.#child = fork(fileURLToPath(new URL('./main.js', import.meta.url)), { serialization: 'advanced' });
    if (this.#child.pid === undefined) throw new Error('the load process could not be started');
    this.pid = this.#child.pid;
    this.#child.on('message', (report: Report) => {
      this.#settle(report);
    });
    this.#child.once('exit', (code, signal) => {
      this.#ended = new Error(`the load process ended with ${code ?? signal ?? 'nothing'}`);
      for (const { reject } of this.#waiting.values()) reject(this.#ended);
    });
  }

  /** @throws What went wrong there. */
  async order<C extends Command>(command: C, request: Commands[C][0]): Promise<Commands[C][1]> {
    if (this.#ended !== undefined) throw this.#ended;
    const id = ++this.#orders;
    const order: Order<C> = { id, command, request };
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send(order);
    });
  }

  /** Stops writing. @throws When writes were not acknowledged or clients were sent away. */
  async stopWriting(): Promise<void> {
    const { unacknowledged, disconnected, firstError } = await this.order('stop', null);
    if (unacknowledged + disconnected === 0 && firstError === '') return;
    throw new Error(`${unacknowledged} writes without ack, ${disconnected} clients lost; first error: ${firstError}`);
  }

  /** Closes the connections and ends the process. */
  async stop(): Promise<void> {
    if (this.#ended !== undefined || !this.#child.connected) return;
    const exit = once(this.#child, 'exit');
    // Its sockets go with it.
    this.#child.disconnect();
    await exit;
  }

  #settle(report: Report): void {
    const waiting = this.#waiting.get(report.id);
    this.#waiting.delete(report.id);
    if ('error' in report) waiting?.reject(new Error(`load: ${report.error}`));
    // The reply to the order of this id, so of its type.
    else waiting?.resolve(report.reply as never);
  }
}
