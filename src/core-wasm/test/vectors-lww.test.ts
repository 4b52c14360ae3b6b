/**
 * The field documents that SDK clients hold (vectors/lww.json), played on our core. A client orders writes by (clock,
 * client id, value); that is our order when the clock is the timestamp and the counter is 0.
 */
import { test } from 'tap';
import { FieldsCore } from '../lib/index.js';
import { everything, write } from './support/writes.js';
import { canonical, vectorCases } from './support/vectors.js';

interface SetOperation {
  readonly op: 'set';
  readonly doc: string;
  readonly field: string;
  readonly value: string;
  readonly clock: number | string;
  readonly client: string;
}
type Operation =
  | SetOperation
  | { readonly op: 'get' | 'delete'; readonly doc: string; readonly field: string }
  | { readonly op: 'merge'; readonly doc: string; readonly from: string };

interface Case {
  readonly name: string;
  readonly ops: readonly Operation[];
  readonly docs: Readonly<Record<string, { readonly json: string; readonly fields: number }>>;
  readonly reads: readonly (string | null)[];
}

/** Why an operation has no counterpart here, or undefined. The rest of its case can't be played either. */
function obstacle(operation: Operation): string | undefined {
  if (operation.op === 'delete') return 'a client deletes without a tombstone';
  if (operation.op !== 'set') return undefined;
  if (!Number.isSafeInteger(Number(operation.clock))) return 'a clock above 2^53';
  // What a client's core reads as 1.0 and writes as another text is one opaque value here.
  if (JSON.stringify(JSON.parse(operation.value)) !== operation.value) return 'a value that clients write differently';
  return undefined;
}

/** Documents by name on one core. */
class Player {
  readonly #core = new FieldsCore();
  readonly #handles = new Map<string, number>();
  readonly reads: (string | null)[] = [];

  play(operation: Operation): void {
    const handle = this.#document(operation.doc);
    switch (operation.op) {
      case 'set':
        this.#core.set(
          handle,
          write(operation.field, {
            value: canonical(operation.value),
            timestamp: Number(operation.clock),
            counter: 0,
            clientId: operation.client,
          }),
        );
        break;
      case 'get':
        this.reads.push(this.#core.get(handle, operation.field)?.value ?? null);
        break;
      case 'merge': {
        const from = this.#document(operation.from);
        for (const field of this.#core.changesSince(from, everything(this.#core, from))) this.#core.set(handle, field);
        break;
      }
      case 'delete':
        throw new Error('not played');
    }
  }

  /** The document as the vectors have it: keys sorted by bytes. Our state has them in the order of their first write. */
  result(name: string): { json: string; fields: number } {
    const handle = this.#document(name);
    return { json: canonical(Buffer.from(this.#core.state(handle)).toString()), fields: this.#core.fieldCount(handle) };
  }

  #document(name: string): number {
    const handle = this.#handles.get(name) ?? this.#core.open();
    this.#handles.set(name, handle);
    return handle;
  }
}

void test('field documents end up as in the SDK core', (t) => {
  const skipped: Record<string, number> = {};
  let played = 0;
  for (const { name, ops, docs, reads } of vectorCases('lww.json') as Case[]) {
    const reason = ops.map(obstacle).find((found) => found !== undefined);
    if (reason !== undefined) {
      skipped[reason] = (skipped[reason] ?? 0) + 1;
      continue;
    }
    const player = new Player();
    for (const operation of ops) player.play(operation);
    t.same(player.reads, reads, `${name}: reads`);
    for (const [document, expected] of Object.entries(docs))
      t.same(player.result(document), expected, `${name}: ${document}`);
    played++;
  }
  t.same(skipped, {
    'a client deletes without a tombstone': 3,
    'a clock above 2^53': 1,
    'a value that clients write differently': 2,
  });
  t.equal(played, 142);
  t.end();
});
