/** Clients of three kinds as a world in one thread moves them: what they show, and what they send. */
import type { Incoming } from '../clients/client.js';
import { isDeleted, ModelDocument, type Clock } from '../clients/model-document.js';
import { origin, subscribe, write } from '../parts/shard-driver.js';
import type { Origin, ReadRecord, WriteRecord } from '../../../src/messages/task.js';

export const clientKinds = ['delta', 'delta_batch', 'clockless', 'counting'] as const;

/**
 * `delta`: SDK 0.1.1. `delta_batch`: SDK 0.3, which sends what it wrote together after a pause. `clockless`: shows what
 * comes last and has no clock. `counting`: the same with a count of its own, which nothing raises.
 */
export type ClientKind = (typeof clientKinds)[number];

interface Operation {
  readonly field: string;
  readonly value: unknown;
  readonly clock: Clock;
  readonly timestamp: number;
}

interface Message {
  readonly id: string;
  readonly operations: readonly Operation[];
}

export class EchoClient {
  /** Messages that are not acknowledged, in the order of sending. */
  readonly #unacked = new Map<string, Message>();
  readonly #model = new ModelDocument();
  readonly #plain = new Map<string, unknown>();
  #queue: Operation[] = [];
  #messages = 0;
  #count = 0;
  origin: Origin;

  constructor(
    readonly clientId: string,
    readonly kind: ClientKind,
    session: number,
    /** How far its clock is off, in ms. */
    readonly offMs: number,
  ) {
    this.origin = origin(session, { supportsBatch: kind === 'delta_batch' });
  }

  get session(): number {
    return this.origin.session;
  }

  /** What it shows of a field, as JSON text. */
  shown(field: string): string {
    const value = this.#hasRules ? this.#model.get(field) : this.#plain.get(field);
    return JSON.stringify(value === undefined || isDeleted(value) ? null : value);
  }

  get unacked(): number {
    return this.#unacked.size + this.#queue.length;
  }

  /** Writes, and shows it by its own rules; `flush` makes the message. */
  write(field: string, value: unknown): void {
    this.#plain.set(field, value);
    this.#count++;
    const clock = this.#hasRules
      ? this.#model.write(this.clientId, [[field, value]])
      : { [this.clientId]: this.#count };
    this.#queue.push({ field, value, clock, timestamp: Date.now() + this.offMs });
  }

  /** What is to be sent of what it wrote. */
  flush(): WriteRecord[] {
    const operations = this.#queue.splice(0);
    const messages =
      this.kind === 'delta_batch' ? [operations] : operations.map((operation): Operation[] => [operation]);
    return messages.filter(({ length }) => length > 0).map((some) => this.#send(some));
  }

  /** A new connection: what it asks for, and sends again. */
  reconnect(session: number): (ReadRecord | WriteRecord)[] {
    this.origin = { ...this.origin, session };
    return [this.subscribe(), ...[...this.#unacked.values()].map((message) => this.#recordOf(message))];
  }

  /** What was sent and not acknowledged, once more. */
  resend(): WriteRecord[] {
    return [...this.#unacked.values()].map((message) => this.#recordOf(message));
  }

  subscribe(): ReadRecord {
    return subscribe(this.origin);
  }

  receive(message: Incoming): void {
    switch (message.type) {
      case 'ack':
        this.#unacked.delete(message['messageId'] as string);
        return;
      case 'sync_response':
        this.#receiveState(message['state'] as Record<string, unknown>, message['clock']);
        return;
      case 'delta':
        this.#put(message);
        return;
      case 'delta_batch':
        for (const entry of message['deltas'] as Incoming[]) this.#put(entry);
        return;
      default:
        throw new Error(`${this.clientId} got ${JSON.stringify(message)}`);
    }
  }

  get #hasRules(): boolean {
    return this.kind === 'delta' || this.kind === 'delta_batch';
  }

  #send(operations: readonly Operation[]): WriteRecord {
    const message: Message = { id: `${this.clientId}-${++this.#messages}`, operations };
    this.#unacked.set(message.id, message);
    return this.#recordOf(message);
  }

  #recordOf({ id, operations }: Message): WriteRecord {
    const clientId = this.clientId;
    const written = operations.map(({ field, value, clock }) =>
      this.kind === 'clockless' ? { field, value } : { field, value, clock, clientId },
    );
    const times = operations.map(({ timestamp }) => timestamp);
    if (this.kind !== 'delta_batch') return write(this.origin, { messageId: id, ...written[0] }, times[0]);
    const deltas = written.map((operation, i) => ({ type: 'set', timestamp: times[i], ...operation }));
    return write(this.origin, { messageId: id, deltas }, times[0]);
  }

  #receiveState(state: Readonly<Record<string, unknown>>, clock: unknown): void {
    this.#model.receiveState(state, clock);
    this.#plain.clear();
    for (const [field, value] of Object.entries(state)) this.#plain.set(field, value);
  }

  #put({ field, value, clock, clientId }: Readonly<Record<string, unknown>>): void {
    this.#model.receive(field as string, value, clock, clientId as string);
    this.#plain.set(field as string, value);
  }
}
