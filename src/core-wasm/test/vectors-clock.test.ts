/**
 * Vector clocks (vectors/vector-clock.json) by their counterpart in our core: a document's clock is what `writers`
 * returns, and one document has seen another if `changesSince` is empty. A client's entry n is a field of that client
 * with stamp n; tick and update write it, merge sends what the other side has not seen.
 */
import { test } from 'tap';
import { FieldsCore } from '../lib/index.js';
import { write } from './support/writes.js';
import { vectorCases } from './support/vectors.js';

type Operation =
  | { readonly op: 'tick' | 'get'; readonly vc: string; readonly client: string }
  | { readonly op: 'update'; readonly vc: string; readonly client: string; readonly value: number }
  | { readonly op: 'merge'; readonly vc: string; readonly from: string };

type Relation = 'before' | 'after' | 'equal' | 'concurrent';

interface Case {
  readonly name: string;
  readonly ops: readonly Operation[];
  readonly clocks: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly reads: readonly number[];
  readonly relations: Readonly<Record<string, Relation>>;
}

class Clocks {
  readonly #core = new FieldsCore();
  readonly #handles = new Map<string, number>();
  readonly reads: number[] = [];

  /** Returns false if the operation lowers an entry, which stamps never do. */
  play(operation: Operation): boolean {
    const { vc } = operation;
    switch (operation.op) {
      case 'get':
        this.reads.push(this.#entry(vc, operation.client));
        return true;
      case 'tick':
        this.#raise(vc, operation.client, this.#entry(vc, operation.client) + 1);
        return true;
      case 'update':
        if (operation.value < this.#entry(vc, operation.client)) return false;
        this.#raise(vc, operation.client, operation.value);
        return true;
      case 'merge':
        for (const field of this.#core.changesSince(this.#document(operation.from), this.vector(vc))) {
          this.#core.set(this.#document(vc), field);
        }
        return true;
    }
  }

  vector(name: string): Map<string, number> {
    return new Map(this.#core.writers(this.#document(name)).map(({ clientId, stamp }) => [clientId, stamp]));
  }

  relation(a: string, b: string): Relation {
    const seenByB = this.#core.changesSince(this.#document(a), this.vector(b)).length === 0;
    const seenByA = this.#core.changesSince(this.#document(b), this.vector(a)).length === 0;
    if (seenByA) return seenByB ? 'equal' : 'after';
    return seenByB ? 'before' : 'concurrent';
  }

  #entry(name: string, client: string): number {
    return this.vector(name).get(client) ?? 0;
  }

  #raise(name: string, client: string, stamp: number): void {
    this.#core.set(this.#document(name), write(client, { clientId: client, timestamp: stamp, stamp }));
  }

  #document(name: string): number {
    const handle = this.#handles.get(name) ?? this.#core.open();
    this.#handles.set(name, handle);
    return handle;
  }
}

/** An entry of 0 equals none. */
function withoutZeros(clock: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(clock).filter(([, count]) => count !== 0));
}

void test('writers and changesSince relate documents as vector clocks do', (t) => {
  let played = 0;
  let goingBack = 0;
  for (const { name, ops, clocks, reads, relations } of vectorCases('vector-clock.json') as Case[]) {
    const player = new Clocks();
    if (!ops.every((operation) => player.play(operation))) {
      goingBack++;
      continue;
    }
    t.same(player.reads, reads, `${name}: reads`);
    for (const [clock, expected] of Object.entries(clocks)) {
      const entries = withoutZeros(Object.fromEntries(player.vector(clock)));
      t.same(entries, withoutZeros(expected), `${name}: ${clock}`);
    }
    for (const [pair, expected] of Object.entries(relations)) {
      const [a = '', b = ''] = pair.split('?');
      t.equal(player.relation(a, b), expected, `${name}: ${pair}`);
    }
    played++;
  }
  t.equal(goingBack, 7, 'cases in which an entry goes back');
  t.equal(played, 58);
  t.end();
});
