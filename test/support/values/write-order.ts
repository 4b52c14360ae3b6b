/** The order of a field's writes by the words of the protocol, written down once more: the server's must agree. */
import { canonical, compareBytes, isDeleted } from '../clients/model-document.js';
import type { SentMessage } from '../clients/model-client.js';

export interface OrderedWrite {
  readonly timestamp: number;
  readonly counter: number;
  readonly clientId: string;
  readonly value: unknown;
}

/** Below, at or above 0 as `a` loses to `b`, is the same write, or wins. */
export function compareOrder(a: OrderedWrite, b: OrderedWrite): number {
  if (a.timestamp !== b.timestamp) return a.timestamp - b.timestamp;
  if (a.counter !== b.counter) return a.counter - b.counter;
  return compareBytes(a.clientId, b.clientId) || compareBytes(canonical(a.value), canonical(b.value));
}

/** Takes all writes that were ever made, and knows which of them should be there in the end. */
export class ExpectedStates {
  readonly #documents = new Map<string, Map<string, OrderedWrite>>();

  add(clientId: string, { documentId, changes, clock, timestamp }: SentMessage): void {
    let fields = this.#documents.get(documentId);
    if (fields === undefined) this.#documents.set(documentId, (fields = new Map<string, OrderedWrite>()));
    for (const [field, value] of changes) {
      const write = { timestamp, counter: clock[clientId] ?? 0, clientId, value };
      const winner = fields.get(field);
      if (winner === undefined || compareOrder(write, winner) > 0) fields.set(field, write);
    }
  }

  /** The live fields of a document as comparable JSON. */
  live(documentId: string): string {
    const fields = [...(this.#documents.get(documentId) ?? [])].filter(([, { value }]) => !isDeleted(value));
    return canonical(Object.fromEntries(fields.map(([field, { value }]) => [field, value])));
  }
}
