/** What a shard's worker is told at its start. */
import type { Config } from '../config/load.js';

/** Credentials are the acceptor's business. */
export type ShardConfig = Omit<Config, 'jwtSecret' | 'auth' | 'validate' | 'webhook'>;

/** Given to each worker as its `workerData`. */
export interface ShardWorkerData {
  readonly config: ShardConfig;
  /** Which shard this is, from 0. */
  readonly index: number;
  /** The run of the process, unique among all nodes. */
  readonly run: string;
  /** Of `MetricsRegistry.addShard`; absent when nothing is counted. */
  readonly metricsMemory: SharedArrayBuffer | undefined;
}

/** The configuration as a shard gets it. */
export function withoutSecrets(config: Config): ShardConfig {
  const secrets: readonly string[] = ['jwtSecret', 'auth', 'validate', 'webhook'] satisfies (keyof Config)[];
  return Object.fromEntries(Object.entries(config).filter(([key]) => !secrets.includes(key))) as unknown as ShardConfig;
}
