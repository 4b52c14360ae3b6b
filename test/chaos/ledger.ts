/** What a server may not forget: every write that it acknowledged. */
import type { RawClient } from '../support/client.js';

let last = 0;

/** A number greater than all before it; also the time of the write that bears it, so that larger ones win. */
export function nextValue(): number {
  last = Math.max(last + 1, Date.now());
  return last;
}

export type Snapshot = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

/** The largest acknowledged value of each field. */
export class Ledger {
  readonly #acked = new Map<string, Map<string, number>>();
  acks = 0;

  acknowledge(documentId: string, field: string, value: number): void {
    this.acks++;
    let fields = this.#acked.get(documentId);
    if (fields === undefined) this.#acked.set(documentId, (fields = new Map<string, number>()));
    fields.set(field, Math.max(value, fields.get(field) ?? 0));
  }

  /** Sentences about acknowledged writes that a snapshot neither holds nor has a later write for. */
  missingFrom(snapshot: Snapshot): string[] {
    const missing: string[] = [];
    for (const [documentId, fields] of this.#acked) {
      for (const [field, acked] of fields) {
        const found = snapshot.get(documentId)?.[field];
        if (typeof found !== 'number' || found < acked) {
          missing.push(`${documentId}.${field}: ${acked} was acknowledged, ${String(found)} is there`);
        }
      }
    }
    return missing;
  }
}

/** What the server has of these documents. */
export async function snapshot(client: RawClient, documents: readonly string[]): Promise<Snapshot> {
  const states = new Map<string, Readonly<Record<string, unknown>>>();
  for (const documentId of documents) {
    const { state } = await client.subscribe(documentId);
    states.set(documentId, state as Record<string, unknown>);
  }
  return states;
}
