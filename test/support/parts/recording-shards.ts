/** A coalescer and shards that only keep what they are given. */
import assert from 'node:assert/strict';
import { Coalescer, type CoalescerOptions, type ShardPort } from '../../../src/acceptor/coalescer.js';
import {
  readTask,
  recordKinds,
  type ReadRecord,
  type TaskRecord,
  type WriteRecord,
} from '../../../src/messages/task.js';

/** A task as `<document>:<payload>,<payload>`, one such string for each group. */
export type Task = readonly string[];

/** Shards that keep what they are given; a document's shard is the number its id begins with, 0 without one. */
export class RecordingShards implements ShardPort {
  readonly tasks: Task[] = [];
  readonly variants: number[] = [];
  readonly writerOnly: boolean[] = [];
  readonly busy = new Set<number>();
  retained = 0;

  indexOf(documentId: string): number {
    return Number(/^\d/.exec(documentId)?.[0] ?? 0);
  }

  ready(index: number): boolean {
    return !this.busy.has(index);
  }

  submit(index: number, bytes: Uint8Array<ArrayBuffer>): void {
    assert.ok(this.ready(index));
    const groups = [...readTask(bytes)];
    for (const { documentId, variants, writerOnly } of groups) {
      assert.equal(this.indexOf(documentId), index);
      this.variants.push(variants);
      this.writerOnly.push(writerOnly);
    }
    this.tasks.push(groups.map(({ documentId, records }) => `${documentId}:${records.map(textOf).join(',')}`));
  }

  retainedBytes(): number {
    return this.retained;
  }
}

/** A window that does not end while a test runs, in ms. */
export const ENDLESS = 100_000_000;

export interface CoalescerFixture {
  readonly coalescer: Coalescer;
  readonly shards: RecordingShards;
  readonly write: (documentId: string, payload: string, session?: number) => boolean;
  readonly read: (documentId: string, payload: string) => boolean;
}

/** A coalescer whose windows do not end while a test runs, unless it says otherwise. */
export function coalescerFixture(options: Partial<CoalescerOptions> = {}): CoalescerFixture {
  const shards = new RecordingShards();
  const coalescer = new Coalescer({
    shards,
    shardCount: 3,
    batchSize: 1_000,
    batchDelayMs: ENDLESS,
    flushed: () => ENDLESS,
    gatherMs: 0,
    maxQueuedBytes: 1_000_000,
    variantsOf: () => 0,
    isOnlySubscriber: () => false,
    waits: { observe: () => undefined },
    windows: { observe: () => undefined },
    ...options,
  });
  const add = (documentId: string, payload: string, urgent: boolean, session = 1): boolean =>
    coalescer.add(documentId, recordOf(payload, urgent, session), urgent);
  return {
    coalescer,
    shards,
    write: (documentId, payload, session) => add(documentId, payload, false, session),
    read: (documentId, payload) => add(documentId, payload, true),
  };
}

/** A record with this payload, as a fixture adds it. */
export function recordOf(payload: string, isRead: boolean, session = 1): WriteRecord | ReadRecord {
  const about = {
    origin: { session, encoding: 'binary', supportsBatch: false },
    payload: Buffer.from(payload),
  } as const;
  if (isRead) return { kind: recordKinds.subscribe, read: 1, ...about };
  return { kind: recordKinds.delta, form: 'binary', timestamp: 1, receivedAt: 0, ...about };
}

function textOf(record: TaskRecord): string {
  return record.kind === recordKinds.interest ? (record.isOld ? 'old' : 'new') : record.payload.toString();
}

/** Resolves after everything that waits for the next turns of the event loop. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}
