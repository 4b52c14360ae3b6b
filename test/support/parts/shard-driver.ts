/** A shard in this thread, with the real core, and everything that it answers. */
import { FieldsCore, TextCore } from '@synckit/core-wasm';
import { pino } from 'pino';
import { decodeAwareness, type ReadAwareness } from '../../../src/cluster/awareness-message.js';
import { ShardMetrics } from '../../../src/metrics/shard-metrics.js';
import type { ShardStatus } from '../../../src/messages/answer.js';
import { readAnswer } from '../../../src/messages/answer-reader.js';
import { Shard, type ShardOptions } from '../../../src/shard/shard.js';
import {
  recordKinds,
  TaskWriter,
  variants,
  type Origin,
  type ReadRecord,
  type StateVectorRequest,
  type SubscribeRequest,
  type TaskRecord,
  type WriteRecord,
} from '../../../src/messages/task.js';
import { decodeFrame, type Incoming } from '../clients/client.js';
import { ControlledStorage } from './controlled-storage.js';
import { until } from '../nodes/server.js';

/** A frame that the acceptor would publish. */
export interface Published {
  readonly documentId: string;
  readonly variant: number;
  /** Number of the session that does not get it, or 0. */
  readonly except: number;
  readonly message: Incoming;
}

/** A frame that the acceptor would send to one session. */
export interface Direct {
  readonly session: number;
  readonly kind: 'reply' | 'read' | 'lastOfRead';
  readonly message: Incoming;
}

export type Sent = ({ readonly to: 'all' } & Published) | ({ readonly to: 'one' } & Direct);

/** A plain binary client, as SDK 0.1.x is. */
export function origin(session: number, more: Partial<Origin> = {}): Origin {
  return { session, encoding: 'binary', supportsBatch: false, ...more };
}

/** A `delta`, or a `delta_batch` if it has `deltas`, as the payload of a binary frame. */
export function write(from: number | Origin, payload: object | string, timestamp = Date.now()): WriteRecord {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return {
    kind: text.includes('"deltas"') ? recordKinds.deltaBatch : recordKinds.delta,
    origin: typeof from === 'number' ? origin(from) : from,
    form: 'binary',
    timestamp,
    receivedAt: 0,
    payload: Buffer.from(text),
  };
}

/** A `subscribe` or `sync_request`. */
export function subscribe(from: number | Origin, request: Partial<SubscribeRequest> = {}): ReadRecord {
  return read(recordKinds.subscribe, from, { requestId: 'r', ...request });
}

/** A `sync_step1`. */
export function stateVector(from: number | Origin, vector: StateVectorRequest['vector']): ReadRecord {
  return read(recordKinds.stateVector, from, { requestId: 'r', vector });
}

function read(
  kind: ReadRecord['kind'],
  from: number | Origin,
  request: SubscribeRequest | StateVectorRequest,
): ReadRecord {
  const payload = Buffer.from(JSON.stringify(request));
  return { kind, origin: typeof from === 'number' ? origin(from) : from, read: 1, payload };
}

export class ShardDriver {
  readonly storage: ControlledStorage;
  readonly shard: Shard;
  /** Everything that was answered, in order. */
  readonly sent: Sent[] = [];
  readonly settled: number[] = [];
  /** Tasks and the places of the groups in them that were settled before the rest. */
  readonly settledGroups: [task: number, group: number][] = [];
  /** Tasks, the places of groups in them, and how many of their first records were relayed. */
  readonly relayed: [task: number, group: number, records: number][] = [];
  status: ShardStatus | undefined;
  readonly awareness: { readonly documentId: string; readonly message: ReadAwareness }[] = [];
  readonly awarenessActive: string[] = [];
  /** Documents whose subscribers were told that they are deleted. */
  readonly ended: string[] = [];
  /** Answers so far. */
  answers = 0;
  #tasks = 0;

  /** @param storage That of a former shard, to go on after its end. */
  constructor(options: Partial<ShardOptions> = {}, storage = new ControlledStorage()) {
    this.storage = storage;
    this.shard = new Shard({
      core: new FieldsCore(),
      texts: new TextCore(),
      storage,
      metrics: new ShardMetrics(undefined),
      log: pino({ level: 'silent' }),
      send: (answer) => this.#take(answer),
      isReplacement: false,
      nodeId: 'node-test',
      maxClockSkewMs: 60_000,
      maxValueDepth: 200,
      limits: { maxFields: 1_000, maxBytes: 1_000_000 },
      tombstones: { maxCount: 1_000, maxBytes: 1_000_000, maxAgeMs: 30 * 86_400_000 },
      maxTextBytes: 8_000_000,
      textDiffMs: 1_000,
      replayMaxFields: 100,
      publish: { when: 'merged', graceMs: 600_000 },
      maxSnapshotBytes: 1_000_000,
      maxPendingBytes: 1_000_000,
      stallMs: 3_600_000,
      commitGatherMs: 0,
      maxLoadedBytes: 100_000_000,
      maxEchoFields: 10_000,
      compareMs: 3_600_000,
      ...options,
    });
  }

  /**
   * Gives the shard one task with the records of some documents; returns its number.
   *
   * @param writerOnly Whether nobody but who writes is subscribed.
   */
  give(
    groups: Readonly<Record<string, readonly TaskRecord[]>>,
    wanted: number = variants.binaryDelta | variants.binaryAny,
    writerOnly = false,
  ): number {
    const writer = new TaskWriter();
    for (const [documentId, records] of Object.entries(groups)) {
      writer.group({ documentId, variants: wanted, writerOnly, records });
    }
    const task = ++this.#tasks;
    this.shard.handle(task, writer.finish());
    return task;
  }

  /** As `give`, for one document, and waits until it is settled; returns what was sent meanwhile. */
  async run(documentId: string, records: readonly TaskRecord[], wanted?: number): Promise<Sent[]> {
    const before = this.sent.length;
    const task = this.give({ [documentId]: records }, wanted);
    for (let i = 0; i < 100 && !this.settled.includes(task); i++) await new Promise((resolve) => setImmediate(resolve));
    await until('the task is settled', () => this.settled.includes(task));
    return this.sent.slice(before);
  }

  /** The whole state of a document, as a client that asks for it is told. */
  async state(documentId: string): Promise<Readonly<Record<string, unknown>>> {
    const [answer] = toOne(await this.run(documentId, [subscribe(origin(0, { encoding: 'json' }))]));
    return answer?.message['state'] as Record<string, unknown>;
  }

  #take(answer: Uint8Array<ArrayBuffer>): void {
    this.answers++;
    readAnswer(answer, {
      publish: (documentId, variant, frame, _type, _receivedAt, except) => {
        const isBinary = (variant & binary) !== 0;
        this.sent.push({ to: 'all', documentId, variant, except, message: decodeFrame(Buffer.from(frame), isBinary) });
      },
      echo: (_documentId, variant, session, frame) => {
        const isBinary = (variant & binary) !== 0;
        this.sent.push({ to: 'one', session, kind: 'reply', message: decodeFrame(Buffer.from(frame), isBinary) });
      },
      reply: (session, encoding, frame) => {
        const message = decodeFrame(Buffer.from(frame), encoding === 'binary');
        this.sent.push({ to: 'one', session, kind: 'reply', message });
      },
      read: (session, encoding, frame, _type, _read, isLast) => {
        // A read to which there is nothing to send ends without a frame.
        const isEmpty = frame.length === 0;
        const message: Incoming = isEmpty
          ? { type: 'delta', timestamp: 0, isEmpty }
          : decodeFrame(Buffer.from(frame), encoding === 'binary');
        this.sent.push({ to: 'one', session, kind: isLast ? 'lastOfRead' : 'read', message });
      },
      settled: (task) => this.settled.push(task),
      settledGroup: (task, group) => this.settledGroups.push([task, group]),
      relayed: (task, group, records) => this.relayed.push([task, group, records]),
      status: (status) => (this.status = status),
      awareness: (documentId, message) => this.awareness.push({ documentId, message: decodeAwareness(message) }),
      awarenessActive: (documentId) => this.awarenessActive.push(documentId),
      changed: () => undefined,
      ended: (documentId) => this.ended.push(documentId),
      created: () => undefined,
    });
  }
}

const binary =
  variants.binaryDelta |
  variants.binaryBatch |
  variants.binaryAny |
  variants.partialBinaryDelta |
  variants.partialBinaryBatch;

export function toAll(sent: readonly Sent[]): Published[] {
  return sent.filter((entry) => entry.to === 'all');
}

/** What was sent to one session, or to any. */
export function toOne(sent: readonly Sent[], session?: number): Direct[] {
  return sent
    .filter((entry) => entry.to === 'one')
    .filter((entry) => session === undefined || entry.session === session);
}

/** Messages in short: `ack m1`, `error CODE m1`, `f=1` for a delta, the type for others. */
export function brief({ message }: { readonly message: Incoming }): string {
  switch (message.type) {
    case 'ack':
      return `ack ${String(message['messageId'])}`;
    case 'error': {
      const { code, messageId } = message['details'] as { code: string; messageId?: string };
      return `error ${code} ${messageId ?? '-'}`;
    }
    case 'delta':
      return `${String(message['field'])}=${JSON.stringify(message['value'])}`;
    case 'delta_batch':
      return (message['deltas'] as Incoming[])
        .map((entry) => `${String(entry['field'])}=${JSON.stringify(entry['value'])}`)
        .join(' ');
    default:
      return message.type;
  }
}

/** The L of a message or an entry. */
export function stampOf(message: { readonly [key: string]: unknown }): number {
  return (message['clock'] as { server: number }).server;
}
