/** Servers as the bench starts them, each a process of its own. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dataFolder, startServer, type ServerProcess } from '../../test/support/nodes/server.js';
import { moduleOf, type Build } from '../build.js';
import { sleep } from '../measure.js';
import type { ProbeOrder, ProbeReport } from './probe.js';

export type StorageKind = 'memory' | 'lmdb' | 'postgres';

export interface ServerSettings {
  readonly storage: StorageKind;
  /** Folder of the embedded storage, where it is not to be a new one; it stays when the server is stopped. */
  readonly folder?: string;
  /** Address of the database, where the storage is Postgres. */
  readonly database?: string | undefined;
  /** Where its metrics are asked for, when it shares its port with others. */
  readonly metricsPort?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** In all scenarios: the machine has two cores, one for the acceptor and one to share. */
export const SHARDS = 1;
/** The default of SYNC_BATCH_DELAY, in ms. */
export const BATCH_DELAY_MS = 50;

const probe = new URL('./probe.js', import.meta.url).href;
let profiles = 0;

/** A running server of the build that is measured. */
export class MeasuredServer {
  readonly #process: ServerProcess;
  readonly #metrics: string;
  readonly #profile: string | undefined;
  readonly #removeData: () => Promise<void>;
  #running = true;

  private constructor(
    process: ServerProcess,
    metricsPort: number,
    profile: string | undefined,
    removeData: () => Promise<void>,
  ) {
    this.#process = process;
    this.#metrics = `http://127.0.0.1:${metricsPort}/metrics`;
    this.#profile = profile;
    this.#removeData = removeData;
  }

  /** @param profile Folder for profiles, if there are to be any. */
  static async start(build: Build, settings: ServerSettings, profile: string | undefined): Promise<MeasuredServer> {
    const { storage, folder, metricsPort, env = {} } = settings;
    const data = folder === undefined && storage === 'lmdb' ? await dataFolder() : undefined;
    const where =
      storage === 'lmdb'
        ? { SYNCKIT_DATA_DIR: folder ?? data?.path ?? '' }
        : { DATABASE_URL: storage === 'memory' ? 'memory:' : (settings.database ?? '') };
    const process = await startServer(
      {
        SHARDS: String(SHARDS),
        SYNC_BATCH_DELAY: String(BATCH_DELAY_MS),
        SYNCKIT_MAX_MESSAGES_PER_MINUTE: '0',
        SYNCKIT_MAX_RECEIVED_BYTES_PER_SECOND: '0',
        SYNCKIT_MAX_READ_BYTES_PER_SECOND: '0',
        SYNCKIT_MAX_NODE_READ_BYTES_PER_SECOND: '0',
        SYNCKIT_MAX_AWARENESS_BYTES_PER_SECOND: '0',
        SYNCKIT_MAX_FANOUT_BYTES_PER_SECOND: '0',
        SYNCKIT_MAX_USER_DOCUMENTS_PER_HOUR: '0',
        WS_MAX_CONNECTIONS: '20000',
        LOG_LEVEL: 'info',
        NODE_OPTIONS: `--import ${probe}`,
        ...where,
        ...(metricsPort === undefined ? {} : { METRICS_PORT: String(metricsPort) }),
        ...env,
      },
      moduleOf(build, 'src/main.js'),
    );
    return new MeasuredServer(process, metricsPort ?? process.port, profile, async () => data?.remove());
  }

  /** A server that does nothing but publish: the most that uWebSockets.js can do. */
  static async startBare(profile: string | undefined): Promise<MeasuredServer> {
    const module = fileURLToPath(new URL('./bare-server.js', import.meta.url));
    const env = { SYNC_BATCH_DELAY: String(BATCH_DELAY_MS), NODE_OPTIONS: `--import ${probe}` };
    const process = await startServer(env, module);
    return new MeasuredServer(process, process.port, profile, () => Promise.resolve());
  }

  get port(): number {
    return this.#process.port;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get http(): string {
    return this.#process.http;
  }

  /** Sends a message to the process. */
  send(message: object): void {
    this.#process.child.send(message);
  }

  /** The sum of all samples of a metric. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(this.#metrics)).text();
    const lines = text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'));
    return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
  }

  /** Collects the garbage of all threads; the heap of the acceptor then. */
  async collectGarbage(): Promise<ProbeReport> {
    return this.#ask({ probe: 'collect' });
  }

  /** Runs work, and profiles the server meanwhile if the command line wants it. @param name For the files. */
  async profiled<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (this.#profile === undefined) return work();
    mkdirSync(this.#profile, { recursive: true });
    await this.#ask({ probe: 'startProfile' });
    const result = await work();
    await this.#ask({ probe: 'stopProfile', file: join(this.#profile, `${name}-${++profiles}`) });
    // Only the main thread reports that it is done; the others write their files meanwhile.
    await sleep(1);
    return result;
  }

  /** Kills it, and removes its data unless they were given. */
  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    await this.#process.kill('SIGKILL');
    await this.#removeData();
  }

  async #ask(order: ProbeOrder): Promise<ProbeReport> {
    const { child } = this.#process;
    return new Promise((resolve) => {
      const onMessage = (message: unknown): void => {
        if ((message as Partial<ProbeReport>).probe !== order.probe) return;
        child.off('message', onMessage);
        resolve(message as ProbeReport);
      };
      child.on('message', onMessage);
      child.send(order);
    });
  }
}
