/** A random history of one document whose storage refuses some values, and what must be true at its end. */
import assert from 'node:assert/strict';
import type { Random } from '../../support/random.js';
import { ControlledStorage } from '../../support/parts/controlled-storage.js';
import { ModelDocument } from '../../support/clients/model-document.js';
import { until } from '../../support/nodes/server.js';
import {
  origin,
  ShardDriver,
  stateVector,
  subscribe,
  toOne,
  write,
  type Direct,
  type Sent,
} from '../../support/parts/shard-driver.js';
import { compareOrder, type OrderedWrite } from '../../support/values/write-order.js';
import { variants, type TaskRecord } from '../../../src/messages/task.js';

interface Made extends OrderedWrite {
  readonly field: string;
  readonly value: number;
}

interface Resumed {
  readonly operations: readonly { readonly field: string; readonly value: unknown; readonly clock: object }[];
  readonly state?: Readonly<Record<string, unknown>>;
  readonly clock: unknown;
}

/** A subscriber that goes away, and resumes from what it has seen. */
interface Leaver {
  readonly session: number;
  readonly model: ModelDocument;
  /** Of what it is sent: with its partial kind it was never answered. */
  variant: number;
  state: 'there' | 'away' | 'asks';
}

const isRefused = (value: unknown): boolean => Number(value) % 4 === 0;
const reader = origin(60, { encoding: 'json' });
const bothKinds = variants.binaryDelta | variants.partialBinaryDelta;

export class RefusalModel {
  #driver: ShardDriver;
  readonly #messages = new Map<string, readonly Made[]>();
  readonly #answers = new Map<string, string>();
  readonly #records = new Map<string, TaskRecord>();
  /** Messages that are to be sent again. */
  readonly #again: string[] = [];
  readonly #byValue = new Map<string, Made>();
  readonly #watcher = new ModelDocument();
  /** Takes what came last, as clients without clocks do. */
  readonly #plain = new Map<string, unknown>();
  readonly #leavers: readonly Leaver[];
  #counter = 0;
  #seen = 0;

  constructor(
    readonly random: Random,
    readonly when: 'merged' | 'durable',
  ) {
    const storage = new ControlledStorage();
    storage.refuse = (_, { value }) => (isRefused(value) ? 'no' : undefined);
    const options = { publish: { when, graceMs: 600_000 }, commitGatherMs: random.below(4) } as const;
    this.#driver = new ShardDriver(options, storage);
    this.#leavers = Array.from({ length: 5 }, (_, i) => ({
      session: 70 + i,
      model: new ModelDocument(),
      variant: i % 2 === 0 ? variants.binaryDelta : variants.partialBinaryDelta,
      state: 'there',
    }));
  }

  async play(steps: number): Promise<void> {
    const [answer] = toOne(await this.#driver.run('d', [subscribe(reader)]));
    for (const { model, variant } of this.#leavers) {
      if (variant === variants.binaryDelta) model.raise(answer!.message['clock']);
    }
    for (let i = 0; i < steps; i++) await this.#step();
    const { storage } = this.#driver;
    storage.failCommits = false;
    storage.release();
    await until('all is settled', () => this.#answers.size === this.#messages.size || (this.#take(), false));
    await this.#judge();
    await this.#driver.shard.close();
  }

  async #step(): Promise<void> {
    const { random } = this;
    const { storage } = this.#driver;
    switch (random.below(12)) {
      case 0:
        storage.hold();
        break;
      case 1:
      case 2:
        storage.release();
        break;
      case 3:
        storage.failCommits = random.once(2);
        break;
      case 4:
        await new Promise((resolve) => setTimeout(resolve, random.below(3)));
        break;
      case 5:
        this.#driver.give({ d: [subscribe(reader)] });
        break;
      case 6:
        this.#leaveOrResume(random.pick(this.#leavers));
        break;
      default:
        this.#write();
    }
    this.#take();
    if (random.once(5)) await this.#checkAcks();
  }

  #write(): void {
    const { random } = this;
    const records = Array.from({ length: random.between(1, 3) }, () => {
      const session = random.between(1, 4);
      const clientId = `c${session}`;
      const timestamp = 1_000 + random.below(30);
      const id = `m${this.#messages.size}`;
      const clock = { [clientId]: ++this.#counter };
      const values = Array.from({ length: random.between(1, 2) }, (_, i): readonly [string, number] => [
        `f${random.below(2) * 2 + i}`,
        this.#counter * 8 + random.below(8),
      ]);
      const made = values.map(([field, value]) => ({ field, value, timestamp, counter: this.#counter, clientId }));
      this.#messages.set(id, made);
      for (const one of made) this.#byValue.set(String(one.value), one);
      const record = write(session, { id, delta: Object.fromEntries(values), clock, clientId }, timestamp);
      this.#records.set(id, record);
      return record;
    });
    this.#driver.give({ d: records }, bothKinds);
  }

  /** Takes in what was sent since. */
  #take(): void {
    const { sent } = this.#driver;
    for (; this.#seen < sent.length; this.#seen++) this.#receive(sent[this.#seen]!);
    for (const id of this.#again.splice(0)) this.#driver.give({ d: [this.#records.get(id)!] });
  }

  #receive(entry: Sent): void {
    const { message } = entry;
    if (entry.to === 'all') {
      const { field, value, clock } = message as unknown as { field: string; value: unknown; clock: unknown };
      for (const { model, variant, state } of this.#leavers) {
        if (variant === entry.variant && state === 'there') model.receive(field, value, clock, 'server');
      }
      if (entry.variant !== variants.binaryDelta) return;
      if (this.when === 'durable') assert.ok(!isRefused(value), `${String(value)} was shown`);
      this.#watcher.receive(field, value, clock, 'server');
      this.#plain.set(field, value);
      return;
    }
    if (message.type === 'sync_step2') {
      this.#resumed(entry);
      return;
    }
    if (message.type === 'sync_response' && this.when === 'durable') {
      for (const value of Object.values(message['state'] as object))
        assert.ok(!isRefused(value), 'a refused value was read');
    }
    if (message.type !== 'ack' && message.type !== 'error') return;
    const { code, messageId: id } = (message['details'] ?? message) as { code?: string; messageId: string };
    if (code === 'STORAGE_UNAVAILABLE') {
      // So many were refused that it can't be told what came of this one.
      this.#again.push(id);
      return;
    }
    assert.equal(this.#answers.has(id), false, `${id} is answered twice`);
    this.#answers.set(id, message.type);
    const made = this.#messages.get(id) ?? [];
    if (message.type === 'error')
      assert.ok(
        made.some(({ value }) => isRefused(value)),
        `${id} failed for nothing`,
      );
  }

  async #stored(): Promise<Map<string, Made>> {
    const rows = (await this.#driver.storage.stored('d')).map((row) => row.split('=') as [string, string]);
    return new Map(rows.map(([field, value]) => [field, this.#byValue.get(value)!]));
  }

  /** What is acknowledged is stored, or has lost to what is. */
  async #checkAcks(): Promise<void> {
    const acked = [...this.#answers].filter(([, type]) => type === 'ack').map(([id]) => id);
    const stored = await this.#stored();
    for (const id of acked) {
      for (const made of this.#messages.get(id) ?? []) {
        const there = stored.get(made.field);
        assert.ok(there !== undefined && compareOrder(made, there) <= 0, `${id} is acknowledged and not stored`);
      }
    }
  }

  async #judge(): Promise<void> {
    await this.#checkAcks();
    const expected = new Map<string, Made>();
    for (const made of [...this.#messages.values()].flat()) {
      if (isRefused(made.value)) continue;
      const other = expected.get(made.field);
      if (other === undefined || compareOrder(made, other) > 0) expected.set(made.field, made);
    }
    const values = Object.fromEntries([...expected].map(([field, { value }]) => [field, value]));
    const sorted = (fields: Iterable<readonly [string, unknown]>): object =>
      Object.fromEntries([...fields].filter(([, value]) => typeof value === 'number').sort());
    const wanted = sorted(Object.entries(values));
    assert.deepEqual(sorted([...(await this.#stored())].map(([field, { value }]) => [field, value])), wanted, 'stored');
    assert.deepEqual(sorted(Object.entries(await this.#driver.state('d'))), wanted, 'in memory');
    assert.equal(this.#driver.status?.pendingBytes, 0);
    this.#take();
    assert.deepEqual(sorted(this.#plain), wanted, 'at a plain client');
    assert.deepEqual(JSON.parse(this.#watcher.live), wanted, 'at a client that compares clocks');
    // Some come back to this worker, the others to the next one.
    await this.#comeBack(this.#leavers.slice(2), wanted);
    await this.#driver.shard.close();
    this.#driver = new ShardDriver({}, this.#driver.storage);
    this.#seen = 0;
    assert.deepEqual(sorted(Object.entries(await this.#driver.state('d'))), wanted, 'after a restart');
    await this.#comeBack(this.#leavers, wanted);
  }

  async #comeBack(leavers: readonly Leaver[], wanted: object): Promise<void> {
    for (const leaver of leavers) if (leaver.state === 'away') this.#leaveOrResume(leaver);
    await until('the answers', () => (this.#take(), leavers.every(({ state }) => state === 'there')));
    for (const { session, model } of leavers)
      assert.deepEqual(JSON.parse(model.live), wanted, `at the client ${session} that was away`);
  }

  #leaveOrResume(leaver: Leaver): void {
    if (leaver.state === 'there') leaver.state = 'away';
    else if (leaver.state === 'away') {
      leaver.state = 'asks';
      const from = origin(leaver.session, { encoding: 'json' });
      this.#driver.give({ d: [stateVector(from, Object.entries(leaver.model.vector))] }, bothKinds);
    }
  }

  /** It joins the others when it is answered. */
  #resumed({ session, message }: Direct): void {
    const leaver = this.#leavers.find((one) => one.session === session);
    assert.ok(leaver);
    const { operations, state, clock } = message as unknown as Resumed;
    if (state !== undefined) leaver.model.receiveState(state, clock);
    for (const { field, value, clock } of operations) {
      if (this.when === 'durable') assert.ok(!isRefused(value), 'a refused value was read');
      leaver.model.receive(field, value, clock, 'server');
    }
    leaver.variant = variants.binaryDelta;
    leaver.state = 'there';
  }
}
