/** A client with a clock of its own, right or wrong, that holds one document by the rules of the SDKs. */
import type { Test } from 'tap';
import type { Incoming, RawClient } from './client.js';
import { client } from '../nodes/fixture.js';
import { ModelDocument } from './model-document.js';
import type { ServerProcess } from '../nodes/server.js';

export type WriteForm = 'delta' | 'delta_batch';

/** A message as it is sent, and sent again. */
export interface DatedWrite {
  readonly fields: Record<string, unknown>;
  readonly timestamp: number;
}

export interface DeviceOptions {
  readonly clientId: string;
  readonly documentId: string;
  readonly form: WriteForm;
  /** How much its clock is ahead; negative when it is slow. */
  readonly aheadMs?: number;
}

export class Device {
  readonly #document = new ModelDocument();
  #raw: RawClient | undefined;
  #writes = 0;

  private constructor(readonly options: DeviceOptions) {}

  /** A device that is subscribed. */
  static async open(t: Test, to: ServerProcess, options: DeviceOptions): Promise<Device> {
    const device = new Device(options);
    await device.connect(t, to);
    return device;
  }

  /** Leaves its connection, if it has one, for a new one; resolves when it has the document's state. */
  async connect(t: Test, to: ServerProcess): Promise<void> {
    this.#raw?.socket.terminate();
    const raw = await client(t, to, { encoding: this.options.form === 'delta' ? 'binary' : 'json' });
    this.#raw = raw;
    raw.onMessage = (message) => this.#receive(message);
    await raw.subscribe(this.options.documentId);
  }

  /** What it shows. */
  get(field: string): unknown {
    return this.#document.get(field);
  }

  /** The fields that it shows, as comparable JSON. */
  get live(): string {
    return this.#document.live;
  }

  /** Writes locally; what it returns is to be sent. */
  write(field: string, value: unknown): DatedWrite {
    const { clientId, documentId, form, aheadMs = 0 } = this.options;
    const timestamp = Date.now() + aheadMs;
    const operation = { documentId, field, value, clientId, timestamp };
    const clock = this.#document.write(clientId, [[field, value]]);
    const messageId = `${clientId}-${++this.#writes}`;
    if (form === 'delta') return { fields: { messageId, ...operation, clock }, timestamp };
    return { fields: { messageId, documentId, deltas: [{ type: 'set', ...operation, clock }] }, timestamp };
  }

  /** Resolves when it is acknowledged. */
  async send({ fields, timestamp }: DatedWrite): Promise<void> {
    const raw = this.#raw!;
    const acks = raw.received('ack').length;
    raw.send(this.options.form, fields, timestamp);
    await raw.expect('the ack', () => raw.received('ack').length > acks);
  }

  async set(field: string, value: unknown): Promise<void> {
    await this.send(this.write(field, value));
  }

  #receive(message: Incoming): void {
    const { documentId } = this.options;
    if (message['documentId'] !== documentId) return;
    if (message.type === 'delta') this.#put(message);
    if (message.type === 'delta_batch') for (const entry of message['deltas'] as Incoming[]) this.#put(entry);
    if (message.type !== 'sync_response') return;
    for (const [field, value] of Object.entries(message['state'] as object)) {
      this.#document.receive(field, value, message['clock'], 'server');
    }
  }

  #put({ field, value, clock, clientId }: Readonly<Record<string, unknown>>): void {
    this.#document.receive(field as string, value, clock, clientId as string);
  }
}
