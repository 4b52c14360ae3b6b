/** Joining states in the text core beside the reference implementation, in the process of the bench. */
import type { TextStore } from '@synckit/core-wasm';
import { importCore, importReference, type Build } from '../../build.js';
import { editedText, textOf, type TextShape } from '../../load/edited-text.js';
import { rounded } from '../../measure.js';
import { median } from '../../results.js';
import type { Conditions, Row } from '../../scenario.js';

const shapes: readonly TextShape[] = [
  { name: '1 000 characters, 1 run', runs: 1, runLength: 1_000 },
  { name: '100 000, 1 run', runs: 1, runLength: 100_000 },
  { name: '100 000, runs of 1 000', runs: 100, runLength: 1_000 },
  { name: '10 000, runs of 10', runs: 1_000, runLength: 10 },
  { name: '1 000 typed one by one', runs: 1_000, runLength: 1 },
  { name: '10 000 typed one by one', runs: 10_000, runLength: 1 },
  { name: '100 000 typed one by one', runs: 100_000, runLength: 1 },
];

/** The reference implementation is left out of texts with more runs: it would take seconds for each. */
const MOST_REFERENCE_RUNS = 10_000;
const ROUNDS = 15;
/** Rounds that warm up the compilers. */
const WARM_UP_ROUNDS = 5;
/** Bytes of the states that are handled between two readings of the clock, so that reading it costs nothing. */
const BYTES_AT_A_TIME = 2_000_000;

export const coreConditions: Conditions = {
  'load 2 + write': 'two states with ten edits each are joined in an empty document, and the result is written',
  '10 edits': 'a state with ten edits is joined in a document without them',
};

export async function joinTexts(build: Build): Promise<Row[]> {
  const [core, reference] = [await importCore(build), await importReference(build)];
  return shapes.map((shape): Row => {
    const base = textOf(reference, shape);
    const [alice, bob] = [editedText(reference, shape, 'alice', 0.2), editedText(reference, shape, 'bob', 0.7)];
    const stores = [new core.TextCore(), ...(shape.runs <= MOST_REFERENCE_RUNS ? [new reference.ReferenceText()] : [])];
    const documents = Math.max(1, Math.round(BYTES_AT_A_TIME / alice.length));
    const joining = inTurns(stores, documents, [], (store, handle) => {
      store.merge(handle, alice, false);
      store.merge(handle, bob, false);
      store.state(handle, false);
    });
    const editing = inTurns(stores, documents, [base], (store, handle) => {
      store.merge(handle, alice, false);
    });
    return {
      text: shape.name,
      'state KB': rounded(alice.length / 1_000),
      ...columns('load 2 + write', joining),
      ...columns('10 edits', editing),
    };
  });
}

/** Milliseconds of CPU per document, in the order of the stores. @param loaded States that the documents hold at first. */
function inTurns(
  stores: readonly TextStore[],
  documents: number,
  loaded: readonly Uint8Array[],
  work: (store: TextStore, handle: number) => void,
): number[] {
  const times = stores.map((): number[] => []);
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    for (const [i, store] of stores.entries()) {
      const handles = Array.from({ length: documents }, () => store.open());
      for (const handle of handles) for (const state of loaded) store.merge(handle, state, false);
      const start = process.cpuUsage();
      for (const handle of handles) work(store, handle);
      const { user, system } = process.cpuUsage(start);
      if (round >= 0) times[i]?.push((user + system) / 1_000 / documents);
      for (const handle of handles) store.close(handle);
    }
  }
  return times.map(median);
}

function columns(name: string, [wasm = NaN, reference]: readonly number[]): Row {
  const own = { [`${name}, wasm ms`]: wasm };
  if (reference === undefined) return own;
  return { ...own, [`${name}, reference ms`]: reference, [`${name}, wasm/reference`]: rounded(wasm / reference) };
}
