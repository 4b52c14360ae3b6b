/** A document as a client holds it that takes the server's word by the rules of the SDKs. */
import type { RawClient, Incoming } from './client.js';

interface Held {
  readonly value: unknown;
  readonly clock: number;
}

/**
 * Keeps the fields of one document from what a connection is sent. As in the SDKs, a value counts only when the
 * largest entry of its clock beats that of the value held.
 */
export class Replica {
  readonly #documentId: string;
  readonly #fields = new Map<string, Held>();

  /** @param former What the client held when its last connection broke. */
  constructor(client: RawClient, documentId: string, former?: Replica) {
    this.#documentId = documentId;
    if (former !== undefined) this.#fields = new Map(former.#fields);
    for (const message of client.messages) this.#take(message);
    const next = client.onMessage;
    client.onMessage = (message) => {
      next(message);
      this.#take(message);
    };
  }

  /** The fields that are there, removed ones left out, in the order of their names. */
  get state(): Record<string, unknown> {
    const live = [...this.#fields].filter(([, { value }]) => !isDeleted(value));
    return Object.fromEntries(live.sort(([a], [b]) => (a < b ? -1 : 1)).map(([field, { value }]) => [field, value]));
  }

  #take(message: Incoming): void {
    if (message['documentId'] !== this.#documentId) return;
    if (message.type === 'delta') this.#set(message);
    if (message.type === 'delta_batch') for (const entry of message['deltas'] as Incoming[]) this.#set(entry);
    if (message.type !== 'sync_response') return;
    for (const entry of message['deltas'] as Incoming[]) this.#set(entry);
    for (const [field, value] of Object.entries(message['state'] ?? {})) {
      this.#set({ field, value, clock: message['clock'] });
    }
  }

  #set(entry: Readonly<Record<string, unknown>>): void {
    const field = entry['field'] as string;
    const counts = Object.values(entry['clock'] as Record<string, number>);
    // ORD5: the SDKs lose a value without.
    if (counts.length === 0) throw new Error(`the clock of ${field} is empty`);
    const clock = Math.max(...counts);
    const held = this.#fields.get(field);
    if (held === undefined || clock > held.clock) this.#fields.set(field, { value: entry['value'], clock });
  }
}

function isDeleted(value: unknown): boolean {
  return typeof value === 'object' && value !== null && '__deleted' in value;
}
