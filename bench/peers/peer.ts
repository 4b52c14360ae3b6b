import type { Bench } from '../bench.js';
import type { DialectName } from '../load/dialects/dialect.js';

/** A server that the scenario `peers` loads. */
export interface Peer {
  readonly name: string;
  /** What it keeps of a document. */
  readonly state: string;
  /** What a write that it has acknowledged survives. */
  readonly survives: string;
  readonly dialect: DialectName;
  /** False for one that acknowledges nothing. */
  readonly acks?: false;
  /** Starts it; the bench ends it. */
  start(bench: Bench): Promise<RunningPeer | Skipped>;
}

export interface RunningPeer {
  /** The process that serves the clients. */
  readonly pid: number;
  readonly port: number;
  /** The first process of its database, where that is the bench's own. */
  readonly databasePid?: number | undefined;
}

/** Why it does not take part: a sentence. */
export interface Skipped {
  readonly skipped: string;
}
