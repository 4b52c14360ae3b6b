/**
 * What collaborative texts cost in the WASM core and, where that ends in reasonable time, in the reference
 * implementation, for texts of different sizes that two clients edited ten times each. Prints medians in milliseconds.
 */
import { TextCore, type TextStore } from '../lib/index.js';
import { cutRun, toBlock, ReferenceText, writeTextState, type TextRun } from '../reference/index.js';

interface Case {
  readonly name: string;
  readonly runs: number;
  readonly runLength: number;
  readonly letters?: string;
}

const cases: Case[] = [
  { name: '1 000 characters, 1 run', runs: 1, runLength: 1000 },
  { name: '10 000, 1 run', runs: 1, runLength: 10_000 },
  { name: '100 000, 1 run', runs: 1, runLength: 100_000 },
  { name: '100 000, 1 run, not ASCII', runs: 1, runLength: 100_000, letters: 'один два три 一二三 ' },
  { name: '100 000, runs of 1 000', runs: 100, runLength: 1000 },
  { name: '100 000, runs of 100', runs: 1000, runLength: 100 },
  { name: '10 000, runs of 10', runs: 1000, runLength: 10 },
  { name: '1 000 typed one by one', runs: 1000, runLength: 1 },
  { name: '3 000 typed one by one', runs: 3000, runLength: 1 },
  { name: '10 000 typed one by one', runs: 10_000, runLength: 1 },
  { name: '100 000, runs of 10', runs: 10_000, runLength: 10 },
  { name: '100 000 typed one by one', runs: 100_000, runLength: 1 },
];

const ascii = 'the quick brown fox, ';
const edits = 10;
const base = 'client-5f1c09';

/** Runs that were typed one after the other. */
function baseRuns({ runs, runLength, letters = ascii }: Case): TextRun[] {
  const characters = Array.from(letters);
  return Array.from({ length: runs }, (_, index) => {
    const first = index * runLength + 1;
    const text = Array.from({ length: runLength }, (_, place) => characters[(first + place) % characters.length]).join(
      '',
    );
    const left = index === 0 ? null : { author: base, clock: first - 1, offset: 0 };
    return { author: base, first, last: first + runLength - 1, text, left, right: null, deleted: false };
  });
}

/** The state of a client after five inserts and five deletions spread over the text. */
function edited(given: Case, author: string, shift: number): Uint8Array {
  let runs = baseRuns(given);
  const characters = given.runs * given.runLength;
  let clock = characters;
  for (let edit = 0; edit < edits; edit++) {
    const at = 1 + Math.floor(((edit + shift) * characters) / (edits + 1));
    if (edit % 2 === 0) {
      const [left, right] = [at, at + 1].map((place) => ({ author: base, clock: place, offset: 0 }));
      clock++;
      const run = { author, first: clock, last: clock, text: 'y', left: left ?? null, right: right ?? null };
      runs.push({ ...run, deleted: false });
    } else {
      runs = runs.flatMap((run) => {
        if (run.author !== base || run.first > at || run.last < at) return [run];
        const cuts = [at, at + 1].filter((place) => place > run.first && place <= run.last);
        return cutRun(run, cuts).map((piece) => (piece.first === at ? { ...piece, deleted: true } : piece));
      });
    }
  }
  runs.sort((a, b) => a.last - b.last);
  return Buffer.from(writeTextState({ blocks: runs.map(toBlock), clock, clientId: author }));
}

/** The same with one more character at the end. */
function withKeystroke(state: Uint8Array, author: string, clock: number): Uint8Array {
  const id = `{"client_id":"${author}","clock":${clock},"offset":0}`;
  const left = `{"client_id":"${author}","clock":${clock - 1},"offset":0}`;
  const block = `[${id},{"id":${id},"text":"z","left_origin":${left},"right_origin":null,"deleted":false}]`;
  return Buffer.from(Buffer.from(state).toString().replace('],"clock":{"value"', `,${block}],"clock":{"value"`));
}

interface Times {
  readonly both: number[];
  readonly escaped: number[];
  readonly keystroke: number[];
  readonly write: number[];
  readonly text: number[];
}

interface Measured {
  readonly times: Times;
  readonly bytesPerBlock: number;
}

function measure(store: TextStore, a: Uint8Array, b: Uint8Array, clock: number, rounds: number): Measured {
  const times: Times = { both: [], escaped: [], keystroke: [], write: [], text: [] };
  let bytesPerBlock = 0;
  const contents = [a, b].map((state) => Buffer.from(JSON.stringify(Buffer.from(state).toString()).slice(1, -1)));
  const timed = (list: number[], round: number, run: () => void) => {
    const start = process.hrtime.bigint();
    run();
    // The first rounds warm up the compilers.
    if (round >= 0) list.push(Number(process.hrtime.bigint() - start) / 1e6);
  };
  for (let round = -Math.ceil(rounds / 4); round < rounds; round++) {
    const handle = store.open();
    timed(times.both, round, () => {
      store.merge(handle, a, false);
      store.merge(handle, b, false);
      store.state(handle, false);
    });
    const other = store.open();
    timed(times.escaped, round, () => {
      for (const content of contents) store.merge(other, content, true);
      store.state(other, true);
    });
    store.close(other);
    const next = withKeystroke(store.state(handle, false), 'alice', clock);
    timed(times.keystroke, round, () => store.merge(handle, next, false));
    timed(times.write, round, () => store.state(handle, false));
    timed(times.text, round, () => store.text(handle));
    bytesPerBlock = store.byteSize(handle) / store.blockCount(handle);
    store.close(handle);
  }
  return { times, bytesPerBlock };
}

function median(times: number[]): string {
  const middle = times.sort((a, b) => a - b)[times.length >> 1];
  return middle === undefined ? '–' : middle.toFixed(middle < 10 ? 2 : 0);
}

const columns = [
  'state KB',
  'load 2 + write',
  'escaped',
  'keystroke',
  'write',
  'text',
  'bytes/block',
  'reference load 2 + write',
];
console.log(`${'ms, median'.padEnd(28)}${columns.map((name) => name.padStart(name.length + 3)).join('')}`);
for (const given of cases) {
  const [a, b] = [edited(given, 'alice', 0.2), edited(given, 'bob', 0.7)];
  const clock = given.runs * given.runLength + edits + 10;
  const rounds = Math.max(9, Math.min(100, Math.floor(3e7 / a.length)));
  const core = measure(new TextCore(), a, b, clock, rounds);
  const reference =
    given.runs > 10_000 ? undefined : measure(new ReferenceText(), a, b, clock, given.runs > 1000 ? 2 : 5);
  const cells = [
    (a.length / 1024).toFixed(0),
    median(core.times.both),
    median(core.times.escaped),
    median(core.times.keystroke),
    median(core.times.write),
    median(core.times.text),
    core.bytesPerBlock.toFixed(0),
    reference === undefined ? '–' : median(reference.times.both),
  ];
  console.log(
    given.name.padEnd(28) + cells.map((cell, index) => cell.padStart((columns[index] ?? '').length + 3)).join(''),
  );
}
