import { startRedis, type RedisServer } from '../test/support/redis/redis-server.js';
import { thisBuild, type Build } from './build.js';
import { LoadProcess } from './load/load-process.js';
import { MeasuredServer, type ServerSettings } from './servers/measured-server.js';
import type { Options } from './options.js';
import { openPostgres, type BenchPostgres } from './servers/upserts.js';

/** What a scenario works with. It owns the processes that the scenario starts: none survives a scenario that fails. */
export class Bench {
  /** The build of the server that is measured. */
  readonly build: Build;
  readonly options: Options;
  readonly #started: { stop(): Promise<void> }[] = [];

  constructor(options: Options, build: Build = thisBuild) {
    this.options = options;
    this.build = build;
  }

  /** Starts a server of the build. */
  async server(settings: ServerSettings): Promise<MeasuredServer> {
    return this.own(await MeasuredServer.start(this.build, settings, this.options.profile));
  }

  /** Starts a server that does nothing but publish. */
  async bareServer(): Promise<MeasuredServer> {
    return this.own(await MeasuredServer.startBare(this.options.profile));
  }

  /** Starts a load process. */
  load(): LoadProcess {
    return this.own(new LoadProcess());
  }

  /** A Postgres that syncs each commit. */
  async postgres(): Promise<BenchPostgres> {
    return this.own(await openPostgres(this.options.postgres));
  }

  /** A Redis of its own, which keeps nothing. */
  async redis(): Promise<RedisServer> {
    return this.own(await startRedis());
  }

  /** A bench for a part of the scenario, which ends what it starts when the part is over. */
  part(): Bench {
    return this.own(new Bench(this.options, this.build));
  }

  /** Stops what is still running. */
  async end(): Promise<void> {
    for (const process of this.#started.splice(0).reverse()) await process.stop();
  }

  stop(): Promise<void> {
    return this.end();
  }

  /** Keeps a process, to stop it when the scenario is over. */
  own<T extends { stop(): Promise<void> }>(process: T): T {
    this.#started.push(process);
    return process;
  }
}
