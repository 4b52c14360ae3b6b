/** Clients that write as fast as they are acknowledged, and remember every ack. */
import type { RawClient } from './client.js';

export class Writer {
  /** The last value of each field that was acknowledged. */
  readonly acked = new Map<string, number>();
  /** The last value of each field that was sent. */
  readonly sent = new Map<string, number>();
  readonly #raw: RawClient;
  readonly #documentId: string;
  readonly #waiting = new Map<string, { field: string; value: number }>();
  #next = 0;
  #stopped = false;

  /**
   * Starts to write integers that grow to the fields `<name>0` … `<name>9`.
   *
   * @param ahead Writes that may wait for their acks.
   */
  constructor(raw: RawClient, documentId: string, name: string, ahead: number) {
    this.#raw = raw;
    this.#documentId = documentId;
    const next = raw.onMessage;
    raw.onMessage = (message) => {
      next(message);
      if (message.type !== 'ack') return;
      const write = this.#waiting.get(message['messageId'] as string);
      if (write === undefined) return;
      this.#waiting.delete(message['messageId'] as string);
      this.acked.set(write.field, write.value);
      this.#write(name);
    };
    for (let i = 0; i < ahead; i++) this.#write(name);
  }

  get documentId(): string {
    return this.#documentId;
  }

  /** Acks that came. */
  get acks(): number {
    return this.#next - this.#waiting.size;
  }

  stop(): void {
    this.#stopped = true;
  }

  #write(name: string): void {
    if (this.#stopped || this.#raw.closed !== undefined) return;
    const value = ++this.#next;
    const field = `${name}${value % 10}`;
    this.sent.set(field, value);
    this.#waiting.set(this.#raw.set(this.#documentId, field, value), { field, value });
  }
}

/** The fields whose last acknowledged value, or a later one, a state does not hold. */
export function missing(writer: Writer, state: Readonly<Record<string, unknown>>): string[] {
  return [...writer.acked]
    .filter(([field, value]) => !(typeof state[field] === 'number' && state[field] >= value))
    .map(([field, value]) => `${field}: ${value} was acknowledged, ${JSON.stringify(state[field])} is there`);
}
