import assert from 'node:assert/strict';
import type { ShardPort } from '../../src/acceptor/coalescer.js';
import { readTask } from '../../src/shards/task.js';

/** A task as `<document>:<payload>,<payload>`, one such string for each group. */
export type Task = readonly string[];

/** Shards that keep what they are given; a document's shard is the number its id begins with, 0 without one. */
export class RecordingShards implements ShardPort {
  readonly tasks: Task[] = [];
  readonly variants: number[] = [];
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
    for (const { documentId, variants } of groups) {
      assert.equal(this.indexOf(documentId), index);
      this.variants.push(variants);
    }
    this.tasks.push(
      groups.map(({ documentId, records }) => `${documentId}:${records.map((r) => r.payload.toString()).join(',')}`),
    );
  }

  retainedBytes(): number {
    return this.retained;
  }
}
