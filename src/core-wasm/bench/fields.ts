/**
 * The WASM core against the reference implementation, in one run and in turns, under the same conditions. Prints
 * the median of the rounds for each case.
 */
import { FieldsCore, type FieldWrite, type FieldsStore } from '../lib/index.js';
import { ReferenceFields } from '../reference/index.js';

const rounds = 15;
const text = { path: 20, value: 40 };

interface Case {
  readonly name: string;
  /** Prepares a store and returns a function that does the work once and returns the number of operations. */
  readonly prepare: (store: FieldsStore) => () => number;
}

const cases: Case[] = [
  { name: 'set, wins, 1 document of 100 fields', prepare: (store) => winning(store, 1, 100) },
  { name: 'set, wins, 1 document of 100 000 fields', prepare: (store) => winning(store, 1, 100_000) },
  { name: 'set, wins, 1 000 documents of 100 fields', prepare: (store) => winning(store, 1000, 100) },
  { name: 'set, wins, a new client each time', prepare: (store) => winning(store, 1, 100, 1000) },
  { name: 'set, wins, value not ASCII', prepare: (store) => winning(store, 1, 100, 1, 'é') },
  { name: 'set, wins, value of 1 KB', prepare: (store) => winning(store, 1, 100, 1, 'v', 1024) },
  { name: 'set, loses', prepare: losing },
  { name: 'open, set 100 new fields, close', prepare: creating },
  { name: 'get', prepare: getting },
  { name: 'state of 1 000 fields (per field)', prepare: (store) => stating(store, 1000) },
  { name: 'state of 100 000 fields (per field)', prepare: (store) => stating(store, 100_000) },
  { name: 'writers of 10 000 fields, 100 clients (per field)', prepare: listingWriters },
  { name: 'changesSince, 10 of 10 000 fields (per field)', prepare: (store) => changing(store, 10) },
  { name: 'changesSince, all of 10 000 fields (per field)', prepare: (store) => changing(store, 10_000) },
];

function path(index: number): string {
  return `field-${index}`.padEnd(text.path, '.');
}

function write(index: number, time: number, clientId = 'client-0123456789abcdef'): FieldWrite {
  const value = JSON.stringify(`${index}-${time}`.padEnd(text.value - 2, 'v'));
  return { path: path(index), value, deleted: false, timestamp: time, counter: time, clientId, stamp: time };
}

function filled(store: FieldsStore, fields: number, clients = 1): number {
  const handle = store.open();
  for (let index = 0; index < fields; index++) store.set(handle, write(index, index + 1, `client-${index % clients}`));
  return handle;
}

/** Writes made in advance, as if parsed; only their timestamp is set when they are used. */
function winning(
  store: FieldsStore,
  documents: number,
  fields: number,
  clients = 1,
  letter = 'v',
  length = text.value,
): () => number {
  const handles = Array.from({ length: documents }, () => filled(store, fields));
  let time = 1_000_000;
  const amount = Math.min(documents * fields * 10, 20_000);
  const writes = Array.from({ length: amount }, (_, index) => {
    const made = write(scattered(index, fields), time, `client-0123456789abcdef${index % clients}`);
    return { ...made, value: JSON.stringify(letter.repeat(length - 2)) };
  });
  return () => {
    writes.forEach((made, index) => {
      made.timestamp = ++time;
      store.set(handles[scattered(index, documents)] ?? 0, made);
    });
    return writes.length;
  };
}

function losing(store: FieldsStore): () => number {
  const handle = filled(store, 100);
  const writes = Array.from({ length: 1000 }, (_, index) => write(index % 100, 0));
  return () => {
    for (const made of writes) store.set(handle, made);
    return writes.length;
  };
}

function creating(store: FieldsStore): () => number {
  const writes = Array.from({ length: 100 }, (_, index) => write(index, 1));
  return () => {
    for (let document = 0; document < 100; document++) {
      const handle = store.open();
      for (const made of writes) store.set(handle, made);
      store.close(handle);
    }
    return 100 * writes.length;
  };
}

function getting(store: FieldsStore): () => number {
  const handle = filled(store, 1000);
  const paths = Array.from({ length: 1000 }, (_, index) => path(index));
  return () => {
    for (const name of paths) store.get(handle, name);
    return paths.length;
  };
}

function stating(store: FieldsStore, fields: number): () => number {
  const handle = filled(store, fields);
  return () => {
    store.state(handle);
    return fields;
  };
}

function listingWriters(store: FieldsStore): () => number {
  const handle = filled(store, 10_000, 100);
  return () => {
    store.writers(handle);
    return 10_000;
  };
}

function changing(store: FieldsStore, unseen: number): () => number {
  const handle = filled(store, 10_000);
  const vector = new Map([['client-0', 10_000 - unseen]]);
  return () => {
    store.changesSince(handle, vector);
    return 10_000;
  };
}

/** Visits the places of a range in an order that no prefetcher predicts. */
function scattered(index: number, range: number): number {
  return (index * 7919) % range;
}

/** Median nanoseconds per operation of each function, run in turns. */
function measure(functions: (() => number)[]): number[] {
  const times = functions.map((): number[] => []);
  for (let round = -3; round < rounds; round++) {
    functions.forEach((run, index) => {
      const start = process.hrtime.bigint();
      let operations = 0;
      while (operations < 50_000) operations += run();
      const elapsed = Number(process.hrtime.bigint() - start) / operations;
      // The first rounds warm up the compilers.
      if (round >= 0) times[index]?.push(elapsed);
    });
  }
  return times.map((list) => list.sort((a, b) => a - b)[list.length >> 1] ?? NaN);
}

console.log(`ns per operation, median of ${rounds} rounds; path ${text.path} bytes, value ${text.value} bytes\n`);
console.log(`${'case'.padEnd(52)}${'wasm'.padStart(8)}${'reference'.padStart(11)}`);
for (const { name, prepare } of cases) {
  const [wasm = NaN, reference = NaN] = measure([prepare(new FieldsCore()), prepare(new ReferenceFields())]);
  console.log(name.padEnd(52) + wasm.toFixed(0).padStart(8) + reference.toFixed(0).padStart(11));
}
