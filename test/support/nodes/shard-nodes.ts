/** Shards as nodes of a cluster, in this thread, with a subscriber that follows each document. */
import { pino } from 'pino';
import type { MemoryHub } from '../../../src/cluster/memory/bus.js';
import type { Bus } from '../../../src/cluster/port.js';
import { ShardMetrics } from '../../../src/metrics/shard-metrics.js';
import { recordKinds, variants, type TaskRecord } from '../../../src/messages/task.js';
import type { Incoming } from '../clients/client.js';
import type { ControlledStorage } from '../parts/controlled-storage.js';
import { ShardDriver, subscribe } from '../parts/shard-driver.js';
import { TextReplica } from '../clients/text-replica.js';

export const documents = ['a', 'b', 'c'];
/** Number of the session that subscribes on each node. */
const READER = 5;
export const wanted = variants.binaryDelta | variants.binaryAny;

/** @param isOld Whether the subscribers were there before the worker. */
export function interest(isOld = false): TaskRecord {
  return { kind: recordKinds.interest, isOld };
}

/** What the subscribers of a node hold of a document, taking the server's word as SDKs do. */
export class Subscriber {
  readonly fields = new Map<string, { value: unknown; clock: number }>();
  readonly text: TextReplica;

  constructor(name: string) {
    this.text = new TextReplica(`reader-${name}`);
  }

  take(message: Incoming): void {
    if (message.type === 'sync_response') {
      for (const [field, value] of Object.entries(message['state'] as object)) {
        this.take({ ...message, type: 'delta', field, value });
      }
      if (typeof message['textState'] === 'string') this.text.merge(message['textState']);
      return;
    }
    for (const entry of message.type === 'delta_batch' ? (message['deltas'] as Incoming[]) : [message]) {
      if ((entry.type as string) === 'text-state')
        this.text.receive(entry as unknown as { state: string; clientId: string });
      if (entry['field'] === undefined) continue;
      const clock = Math.max(...Object.values(entry['clock'] as Record<string, number>));
      const held = this.fields.get(entry['field'] as string);
      if (held === undefined || clock > held.clock)
        this.fields.set(entry['field'] as string, { value: entry['value'], clock });
    }
  }

  get state(): string {
    const live = [...this.fields].filter(([, { value }]) => JSON.stringify(value) !== '{"__deleted":true}');
    return JSON.stringify(live.map(([field, { value }]) => [field, value]).sort());
  }
}

export class NodeUnderTest {
  readonly driver: ShardDriver;
  readonly subscribers: ReadonlyMap<string, Subscriber>;
  readonly writers: ReadonlyMap<string, TextReplica>;
  bus: Bus | undefined;
  #taken = 0;

  constructor(
    readonly name: string,
    storage: ControlledStorage,
    hub: MemoryHub,
    compareMs = 3_600_000,
  ) {
    this.subscribers = new Map(documents.map((id) => [id, new Subscriber(`${name}-${id}`)]));
    this.writers = new Map(documents.map((id) => [id, new TextReplica(`${name}-${id}`)]));
    const metrics = new ShardMetrics(undefined);
    const log = pino({ level: 'silent' });
    this.driver = new ShardDriver(
      {
        nodeId: name,
        metrics,
        compareMs,
        openBus: (events) =>
          (this.bus = hub.open({ nodeId: name, run: name, events, metrics: metrics.bus, log, tailMs: 20 })),
      },
      storage,
    );
    for (const id of documents) this.driver.give({ [id]: [interest(), subscribe(READER)] }, wanted);
  }

  /** Gives the subscribers what was published since. */
  deliver(): void {
    for (const sent of this.driver.sent.slice(this.#taken)) {
      const isForReader = sent.to === 'all' || sent.session === READER;
      if (isForReader) this.subscribers.get(sent.message['documentId'] as string)?.take(sent.message);
    }
    this.#taken = this.driver.sent.length;
  }
}
