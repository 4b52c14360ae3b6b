/** The wire format: building frames, reading heads, finding ids, parsing. */
import { importFrom } from '../../build.js';
import { timeInTurns, type Work } from '../../in-turns.js';
import type { Build } from '../../build.js';
import type { Row, Scenario } from '../../scenario.js';

type Encode = typeof import('../../../src/protocol/encode.js');
type Frame = typeof import('../../../src/protocol/frame.js');
type Scan = typeof import('../../../src/protocol/json/json-scan.js');
type Parsing = typeof import('../../../src/protocol/message.js');
type Operations = typeof import('../../../src/protocol/operations.js');

/** Lengths of the value in the frame. */
const SIZES: readonly (readonly [name: string, bytes: number])[] = [
  ['200 B', 200],
  ['10 KB', 10_000],
  ['1 MB', 1_000_000],
];
const BATCH = 50;
const MAX_DEPTH = 200;
const documentId = 'document-00001';

interface Case {
  readonly operation: string;
  readonly work: Work;
}

export const codec: Scenario = {
  name: 'codec',
  about: 'the wire format, in the process of the bench: µs of CPU per operation',
  rounds: 1,
  conditions: () => ({ 'operations per batch': BATCH }),
  async run({ build }) {
    const cases = await casesOf(build);
    const times = await timeInTurns(cases.map(({ work }) => work));
    return cases.map(({ operation }, i): Row => ({ operation, µs: times[i] ?? NaN }));
  },
};

async function casesOf(build: Build): Promise<Case[]> {
  const encode = await importFrom<Encode>(build, 'src/protocol/encode.js');
  const { readHead, scanString } = await importFrom<Frame>(build, 'src/protocol/frame.js');
  const { ObjectScan } = await importFrom<Scan>(build, 'src/protocol/json/json-scan.js');
  const { parseMessage } = await importFrom<Parsing>(build, 'src/protocol/message.js');
  const { parseOperations } = await importFrom<Operations>(build, 'src/protocol/operations.js');
  const scan = new ObjectScan();
  const frame = (payload: object): Buffer =>
    Buffer.from(encode.encodeFrame('delta', JSON.stringify(payload).slice(1, -1), Date.now(), 'binary'));
  const head = (bytes: Buffer, text = false): Extract<ReturnType<typeof readHead>, { kind: 'frame' }> => {
    const read = readHead(bytes, text, scan);
    if (read.kind === 'fault') throw new Error(`the frame can't be read: ${read.code}`);
    return read;
  };
  const cases: Case[] = [];
  const add = (operation: string, work: () => unknown): void => {
    cases.push({ operation, work: () => repeat(work) });
  };

  for (const [name, size] of SIZES) {
    const value = 'x'.repeat(size);
    const update = { field: 'field', value: JSON.stringify(value), server: 1e15, writer: 'client', stamp: 1e15 };
    add(`encodeFrame delta, ${name}`, () =>
      encode.encodeFrame('delta', encode.deltaBody('s1', documentId, update), 1e12, 'binary'),
    );
    const early = frame({ documentId, field: 'field', value, clock: { client: 1 }, clientId: 'client' });
    const late = frame({ field: 'field', value, clock: { client: 1 }, clientId: 'client', documentId });
    const [earlyHead, lateHead] = [head(early), head(late)];
    add(`id scan, before the value, ${name}`, () => scanString(early, earlyHead, 'documentId', scan));
    add(`id scan, after the value, ${name}`, () => scanString(late, lateHead, 'documentId', scan));
    add(`parseMessage, ${name}`, () => parseMessage(early, earlyHead));
    const message = parseMessage(early, earlyHead);
    add(`parseOperations, ${name}`, () => parseOperations(message, documentId, MAX_DEPTH));
    add(`parse all, ${name}`, () => parseOperations(parseMessage(early, earlyHead), documentId, MAX_DEPTH));
  }

  const binary = frame({ documentId, field: 'field', value: 'x'.repeat(200), clientId: 'client' });
  const json = Buffer.from(
    JSON.stringify({ type: 'delta', id: '1', timestamp: 1e12, documentId, field: 'field', value: 'x'.repeat(200) }),
  );
  add('readHead, binary', () => readHead(binary, false, scan));
  add('readHead, JSON', () => readHead(json, true, scan));
  const deltas = Array.from({ length: BATCH }, (_, i) => ({
    type: 'set',
    documentId,
    field: `field-${i}`,
    value: i,
    clock: { client: i },
    clientId: 'client',
    timestamp: 1e12,
  }));
  const batch = frame({ documentId, deltas });
  const batchHead = { ...head(batch), type: 'delta_batch' as const };
  add(`parse all, batch of ${BATCH}`, () => parseOperations(parseMessage(batch, batchHead), documentId, MAX_DEPTH));
  const nested = frame({ documentId, delta: Object.fromEntries(deltas.map((value) => [value.field, value])) });
  const nestedHead = head(nested);
  add(`parse all, ${BATCH} objects`, () => parseOperations(parseMessage(nested, nestedHead), documentId, MAX_DEPTH));
  return cases;
}

const REPEATS = 100;

/** Repetitions, so that reading the clock does not count; large inputs take long enough anyway. */
function repeat(work: () => unknown): number {
  const start = performance.now();
  let done = 0;
  do {
    for (let i = 0; i < REPEATS / 10; i++) work();
    done += REPEATS / 10;
  } while (done < REPEATS && performance.now() - start < 1);
  return done;
}
