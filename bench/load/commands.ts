/** What the bench asks of its load process, and what it answers. */
import type { DialectName } from './dialects/dialect.js';
import type { Balance } from './ledger.js';

/** Each command with its request and its reply. */
export interface Commands {
  /** Opens connections, numbered on from the last. */
  open: [OpenRequest, OpenReply];
  /** Subscribes a range of clients; answered when all have their state. */
  subscribe: [SubscribeRequest, Elapsed];
  /** Opens connections that each subscribe at once, without waiting for the others; answered when all have their state. */
  comeBack: [ComeBackRequest, ComeBackReply];
  /** Starts to write; the former writers have stopped. */
  write: [WriteRequest, null];
  /** Gives a document a text; answered when that is acknowledged. */
  text: [TextRequest, null];
  /** Types on in the text of the last `text`. */
  type: [TypeRequest, null];
  /** Stops writing and waits for the missing acks. */
  stop: [null, StopReply];
  /** Fills a document with fields, in large batches. */
  fill: [FillRequest, Elapsed];
  /** Subscribes one client once more and waits for all of its state. */
  sync: [SyncRequest, SyncReply];
  /** Resets the counters. */
  mark: [null, null];
  /** What was counted since. */
  read: [null, Counts];
  /** Keeps a ledger of what another load process writes to so many documents. */
  watch: [{ readonly documents: number }, null];
  /** Writes to each document since the last `write`. */
  written: [null, Float64Array];
  /** The outcome of all writes, which are those of another load process where they are given; needs a ledger. */
  balance: [Float64Array | null, Balance];
}

export type Command = keyof Commands;

export interface OpenRequest {
  /** What all clients of the process speak. Default `synckit`. */
  readonly dialect?: DialectName;
  readonly port: number;
  readonly count: number;
  /**
   * The server's address, 127.0.0.1 by default. The kernel finds 28 000 ports for connections to one address and port, the
   * last of them slowly, and those that were used are free again after a minute.
   */
  readonly host?: string;
  /** For the query string, one per connection. */
  readonly tokens?: readonly string[];
  /** Whether they offer permessage-deflate. */
  readonly deflate?: boolean;
}

export interface OpenReply extends Elapsed {
  readonly failed: number;
}

export interface Elapsed {
  readonly milliseconds: number;
}

/** Clients by their numbers, from `first` on. */
export interface Range {
  readonly first: number;
  readonly count: number;
}

export interface SubscribeRequest extends Range {
  /** Client i follows document i modulo this. */
  readonly documents: number;
  /** Added to the numbers of the documents. Default 0. */
  readonly firstDocument?: number;
  /** Each client follows all of the documents instead. */
  readonly all?: boolean;
}

export interface WriteRequest extends Range {
  /** Client i writes to document i - `first` modulo this. */
  readonly documents: number;
  /** Added to the numbers of the documents. Default 0. */
  readonly firstDocument?: number;
  /** Field names of one writer; several writes to one field may leave the server as one. */
  readonly fields: number;
  readonly valueBytes: number;
  /** All writers together write so often, in turns, whether acks come or not; or each has so many writes under way. */
  readonly pace: { readonly perSecond: number } | { readonly underWay: number };
  /** Keeps a ledger of every update; clients must follow the document that they write. */
  readonly watch?: boolean;
  /** False for a server that does not acknowledge. */
  readonly acks?: boolean;
}

export interface ComeBackRequest extends OpenRequest {
  /** Client i follows document i modulo this. */
  readonly documents: number;
}

export interface ComeBackReply extends Elapsed {
  /** Of all states together. */
  readonly bytes: number;
  /** From the first packet of a client to its state. */
  readonly each: Latency;
}

export interface TextRequest {
  readonly client: number;
  /** Index of the document. */
  readonly document: number;
  /** Size of the state that the client sends. */
  readonly stateBytes: number;
}

export type TypeRequest =
  /** So many characters, each when the one before it is acknowledged; answered when the last is. */
  | { readonly characters: number }
  /** Until `stop`, whether acks come or not. */
  | { readonly perSecond: number };

export interface StopReply {
  /** Writes that were not acknowledged in the time given. */
  readonly unacknowledged: number;
  /** Connections that ended by themselves. */
  readonly disconnected: number;
  /** The first error that the server answered with. */
  readonly firstError: string;
}

export interface FillRequest {
  readonly client: number;
  readonly documentId: string;
  readonly fields: number;
  readonly valueBytes: number;
}

export interface SyncRequest {
  readonly client: number;
  readonly documentId: string;
  /** Updates that follow the state, for clients that are not known to read it. */
  readonly replay: number;
  /** Shows first, by an awareness_subscribe, that the client understands batches. */
  readonly supportsBatch: boolean;
}

export interface SyncReply extends Elapsed {
  /** Of all frames that came for it. */
  readonly bytes: number;
}

/** Milliseconds. */
export interface Latency {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export interface Counts {
  readonly updates: number;
  readonly updateFrames: number;
  readonly updateBytes: number;
  /** Of everything received. */
  readonly wireBytes: number;
  readonly acks: number;
  readonly writes: number;
  readonly errors: number;
  readonly turns: number;
  readonly turnFrames: number;
  /** From the write to its arrival at a subscriber. */
  readonly fanout: Latency;
  /** From the write to its ack. */
  readonly ack: Latency;
}

/** The name that clients and server know a document by. */
export function documentName(index: number): string {
  return `document-${String(index).padStart(5, '0')}`;
}
