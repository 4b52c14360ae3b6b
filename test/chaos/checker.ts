/** Knows every write that was sent and every ack that came, and what a document may hold because of them. */
import type { SentMessage } from '../support/clients/model-client.js';
import { isDeleted } from '../support/clients/model-document.js';
import { compareOrder, type OrderedWrite } from '../support/values/write-order.js';

interface Field {
  /** By value: no two writes of a field have the same, unless they remove it. */
  readonly sent: Map<unknown, OrderedWrite>;
  /** The greatest removal that was sent. */
  removal: OrderedWrite | undefined;
  /** The greatest write that was acknowledged. */
  acked: OrderedWrite | undefined;
}

/** The greatest acknowledged write of each field of a document at some moment. */
export type Floor = ReadonlyMap<string, OrderedWrite>;

export class AckChecker {
  readonly #documents = new Map<string, Map<string, Field>>();
  #acks = 0;

  /** Messages that were acknowledged. */
  get acks(): number {
    return this.#acks;
  }

  sent(clientId: string, message: SentMessage): void {
    for (const [field, write] of writesOf(clientId, message)) {
      const known = this.#field(message.documentId, field);
      if (isDeleted(write.value)) known.removal = later(known.removal, write);
      else known.sent.set(write.value, write);
    }
  }

  acked(clientId: string, message: SentMessage): void {
    this.#acks++;
    for (const [field, write] of writesOf(clientId, message)) {
      const known = this.#field(message.documentId, field);
      known.acked = later(known.acked, write);
    }
  }

  /** What must be there from now on; take it before reading. */
  floor(documentId: string): Floor {
    const floor = new Map<string, OrderedWrite>();
    for (const [field, { acked }] of this.#documents.get(documentId) ?? []) {
      if (acked !== undefined) floor.set(field, acked);
    }
    return floor;
  }

  /** Fields of a state that hold neither the acknowledged write nor a later one. */
  lost(documentId: string, state: Readonly<Record<string, unknown>>, floor: Floor): string[] {
    const fields = this.#documents.get(documentId) ?? new Map<string, Field>();
    const unknown = Object.keys(state).filter((field) => !fields.has(field));
    const lost = unknown.map((field) => `${field} of ${documentId} was never written`);
    for (const [field, { sent, removal }] of fields) {
      const acked = floor.get(field);
      const value = state[field];
      const found = value === undefined ? removal : sent.get(value);
      const isMissing = found === undefined ? acked !== undefined || value !== undefined : false;
      if (isMissing || (found !== undefined && acked !== undefined && compareOrder(found, acked) < 0)) {
        lost.push(`${field} of ${documentId} is ${JSON.stringify(value)}, acknowledged was ${JSON.stringify(acked)}`);
      }
    }
    return lost;
  }

  #field(documentId: string, name: string): Field {
    let fields = this.#documents.get(documentId);
    if (fields === undefined) this.#documents.set(documentId, (fields = new Map<string, Field>()));
    let field = fields.get(name);
    if (field === undefined) fields.set(name, (field = { sent: new Map(), removal: undefined, acked: undefined }));
    return field;
  }
}

function* writesOf(clientId: string, { changes, clock, timestamp }: SentMessage): Generator<[string, OrderedWrite]> {
  for (const [field, value] of changes) yield [field, { timestamp, counter: clock[clientId] ?? 0, clientId, value }];
}

function later(former: OrderedWrite | undefined, write: OrderedWrite): OrderedWrite {
  return former === undefined || compareOrder(write, former) > 0 ? write : former;
}
