/** What clients end up with when they believe the clocks that they are sent. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'tap';
import { variants, type Origin, type TaskRecord } from '../../src/messages/task.js';
import type { Incoming } from '../support/clients/client.js';
import { canonical, isDeleted, ModelDocument } from '../support/clients/model-document.js';
import { holdsAsync } from '../support/values/property.js';
import { origin, ShardDriver, subscribe, write, type Sent } from '../support/parts/shard-driver.js';

const START = Date.now() - 100_000;

interface Change {
  readonly who: number;
  /** One field, or several in one message. */
  readonly fields: readonly string[];
  readonly removes: boolean;
  /** Of the write, against the others; some lie in the past of what was written before. */
  readonly time: number;
}

const changes: fc.Arbitrary<Change> = fc.record({
  who: fc.nat(2),
  fields: fc.uniqueArray(fc.constantFrom('f', 'g', 'h', '__proto__'), { minLength: 1, maxLength: 3 }),
  removes: fc.boolean(),
  time: fc.nat(20),
});
/** Flushes: the changes of each are merged in one task. */
const flushes = fc.array(fc.array(changes, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 6 });

interface Client {
  readonly id: string;
  readonly origin: Origin;
  readonly variant: number;
}

/** One of each kind; the third has the id that the server uses for itself. */
const clients: readonly Client[] = [
  { id: 'a', origin: origin(1), variant: variants.binaryDelta },
  { id: 'b', origin: origin(2, { encoding: 'json', supportsBatch: true }), variant: variants.jsonBatch },
  { id: 'server', origin: origin(3, { encoding: 'json' }), variant: variants.jsonDelta },
];
const wanted = variants.binaryDelta | variants.jsonBatch | variants.jsonDelta;

let values = 0;

type Entries = readonly (readonly [field: string, value: unknown])[];

function entriesOf({ fields, removes }: Change): Entries {
  return fields.map((field) => [field, removes ? { __deleted: true } : ++values] as const);
}

function record({ origin: from, id }: Client, entries: Entries, time: number, clock: object): TaskRecord {
  const timestamp = START + time;
  if (!from.supportsBatch)
    return write(from, { clientId: id, vectorClock: clock, delta: Object.fromEntries(entries) }, timestamp);
  return write(
    from,
    { deltas: entries.map(([field, value]) => ({ field, value, clock, clientId: id, timestamp })) },
    timestamp,
  );
}

/** The updates that a client gets of what was sent: entries of its variant's frames, and what is sent to it alone. */
function updatesFor({ origin: { session }, variant }: Client, sent: readonly Sent[]): Incoming[] {
  return sent
    .filter((entry) => (entry.to === 'all' ? entry.variant === variant : entry.session === session))
    .flatMap(({ message }) => {
      if (message.type === 'delta') return [message];
      return message.type === 'delta_batch' ? (message['deltas'] as Incoming[]) : [];
    });
}

function liveOf(state: Readonly<Record<string, unknown>>): string {
  return canonical(Object.fromEntries(Object.entries(state).filter(([, value]) => !isDeleted(value))));
}

test('ORD1 ORD5 clients that take a value when its clock is larger end up with the state of the server', async (t) => {
  await holdsAsync(
    t,
    fc.asyncProperty(flushes, async (script) => {
      const driver = new ShardDriver();
      const documents = clients.map(() => new ModelDocument());
      for (const flush of script) {
        const records = flush.map((change) => {
          const client = clients[change.who]!;
          const entries = entriesOf(change);
          return record(client, entries, change.time, documents[change.who]!.write(client.id, entries));
        });
        const sent = await driver.run('d', records, wanted);
        clients.forEach((client, i) => {
          for (const { field, value, clock, clientId } of updatesFor(client, sent)) {
            documents[i]!.receive(field as string, value, clock, clientId as string);
          }
        });
      }
      const state = liveOf(await driver.state('d'));
      for (const [i, document] of documents.entries()) assert.equal(document.live, state, clients[i]!.id);
    }),
    150,
  );
});

test('SUB2 a client that is cut off after any update and asks with the vector it has then misses nothing', async (t) => {
  await holdsAsync(
    t,
    fc.asyncProperty(flushes, async (script) => {
      const driver = new ShardDriver();
      const sent: Sent[] = [];
      for (const flush of script) {
        const records = flush.map((change) => {
          const client = clients[change.who]!;
          return record(client, entriesOf(change), change.time, { [client.id]: 1 });
        });
        sent.push(...(await driver.run('d', records, wanted)));
      }
      const state = liveOf(await driver.state('d'));
      for (const client of clients) {
        const updates = updatesFor(client, sent);
        for (let cut = 0; cut <= updates.length; cut++) {
          const held = new Map<string, { value: unknown; clock: number }>();
          const vector = new Map<string, number>([['nobody', 1]]);
          const take = ({ field, value, clock }: Incoming): void => {
            const counts = Object.entries(clock as Record<string, number>);
            for (const [id, count] of counts) vector.set(id, Math.max(vector.get(id) ?? 0, count));
            const top = Math.max(...counts.map(([, count]) => count));
            if (top > (held.get(field as string)?.clock ?? 0)) held.set(field as string, { value, clock: top });
          };
          updates.slice(0, cut).forEach(take);
          const [answer] = await driver.run('d', [subscribe(origin(9), { vector: [...vector] })]);
          (answer!.message['deltas'] as Incoming[]).forEach(take);
          const live = Object.fromEntries([...held].map(([field, { value }]) => [field, value]));
          assert.equal(liveOf(live), state, `${client.id} after ${cut} of ${updates.length} updates`);
        }
      }
    }),
    100,
  );
});
