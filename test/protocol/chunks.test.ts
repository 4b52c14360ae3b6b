import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'tap';
import { ChunkAssembler, type ChunkLimits, type ChunkOutcome } from '../../src/protocol/chunks.js';
import { encodeFrame } from '../../src/protocol/encode.js';
import { readHead } from '../../src/protocol/frame.js';
import { ObjectScan } from '../../src/protocol/json/json-scan.js';
import { binaryFrame } from '../support/clients/client.js';
import { mutate, mutations } from '../support/values/json-text.js';
import { holds } from '../support/values/property.js';

const limits: ChunkLimits = { sets: 3, bytes: 4_000, timeout: 100 };
const scan = new ObjectScan();
const waiting = { kind: 'waiting' };

interface ChunkFields {
  readonly chunkId: unknown;
  readonly totalChunks: unknown;
  readonly chunkIndex: unknown;
  readonly data: unknown;
}

function add(assembler: ChunkAssembler, frame: Buffer, now = 0, text = false): ChunkOutcome {
  const head = readHead(frame, text, scan);
  if (head.kind === 'fault') throw new Error(head.code);
  return assembler.add(frame, head, scan, now);
}

function chunk(
  assembler: ChunkAssembler,
  chunkIndex: unknown,
  totalChunks: unknown,
  bytes: string,
  more: object = {},
  now = 0,
): ChunkOutcome {
  const data = Buffer.from(bytes).toString('base64');
  return add(
    assembler,
    binaryFrame('delta_batch_chunk', { chunkId: 'c', totalChunks, chunkIndex, data, ...more }),
    now,
  );
}

/** The bytes of a whole set as text. */
function textOf(outcome: ChunkOutcome): string {
  return outcome.kind === 'complete' ? outcome.bytes.toString() : outcome.kind;
}

test('LIM2 chunks in any order, cut anywhere, give the bytes that were cut', (t) => {
  const cuts = fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 60 }), fc.array(fc.nat(60), { maxLength: 8 }));
  const orders = fc.infiniteStream(fc.nat(1_000));
  const form = fc.constantFrom('binary', 'json', 'nested' as const);
  holds(
    t,
    fc.property(cuts, orders, form, ([bytes, places], order, kind) => {
      const ends = [...places.map((place) => Math.min(place, bytes.length)), bytes.length].sort((a, b) => a - b);
      const parts = ends.map((end, i) => Buffer.from(bytes.subarray(ends[i - 1] ?? 0, end)).toString('base64'));
      const frames = parts.map((data, chunkIndex) => {
        const fields = { chunkId: 'c', totalChunks: parts.length, chunkIndex, data };
        if (kind === 'binary') return binaryFrame('delta_batch_chunk', fields);
        const message = kind === 'json' ? fields : { payload: fields };
        return Buffer.from(JSON.stringify({ type: 'delta_batch_chunk', id: 'm', timestamp: 1, ...message }));
      });
      // Some of them twice, all of them shuffled, the one that completes at the end.
      const all = [...frames, ...frames.slice(0, 2)];
      const ranks = [...order.take(all.length)];
      const shuffled = all
        .map((_, i) => i)
        .sort((a, b) => ranks[a]! - ranks[b]!)
        .map((i) => all[i]!);
      const assembler = new ChunkAssembler(limits);
      const whole = shuffled
        .map((frame) => add(assembler, Buffer.from(frame), 0, kind !== 'binary'))
        .find((o) => o.kind === 'complete');
      assert.ok(whole?.kind === 'complete');
      assert.deepEqual(whole.bytes, Buffer.from(bytes));
    }),
    500,
  );
  t.end();
});

test('a chunk that comes twice counts once', (t) => {
  const assembler = new ChunkAssembler(limits);
  t.strictSame(chunk(assembler, 0, 2, 'first'), waiting);
  const { bytes } = assembler;
  t.strictSame(chunk(assembler, 0, 2, 'other'), waiting);
  t.equal(assembler.bytes, bytes);
  t.equal(textOf(chunk(assembler, 1, 2, '!')), 'first!');
  t.strictSame([assembler.sets, assembler.bytes], [0, 0]);
  t.end();
});

test('sets of one connection do not mix', (t) => {
  const assembler = new ChunkAssembler(limits);
  chunk(assembler, 0, 2, 'a', { chunkId: '__proto__' });
  chunk(assembler, 0, 2, 'b', { chunkId: 'b' });
  t.equal(textOf(chunk(assembler, 1, 2, 'B', { chunkId: 'b' })), 'bB');
  t.equal(textOf(chunk(assembler, 1, 2, 'A', { chunkId: '__proto__' })), 'aA');
  t.end();
});

test('the frame’s memory may be used again', (t) => {
  const assembler = new ChunkAssembler(limits);
  const data = Buffer.from('first').toString('base64');
  const frame = binaryFrame('delta_batch_chunk', { chunkId: 'c', totalChunks: 2, chunkIndex: 0, data });
  add(assembler, frame);
  frame.fill(0);
  t.equal(textOf(chunk(assembler, 1, 2, '!')), 'first!');
  t.end();
});

test('base64 whose slash and plus are escaped means the same', (t) => {
  const bytes = Buffer.from('fbfffefbff', 'hex');
  t.equal(bytes.toString('base64'), '+//++/8=');
  for (const spelled of ['+\\/\\/++\\/8=', '\\u002b\\u002F\\/\\u002b+/8=']) {
    const text = `{"type":"delta_batch_chunk","id":"m","timestamp":1,"chunkId":"c","totalChunks":1,"chunkIndex":0,"data":"${spelled}"}`;
    const outcome = add(new ChunkAssembler(limits), Buffer.from(text), 0, true);
    t.ok(outcome.kind === 'complete' && outcome.bytes.equals(bytes), spelled);
  }
  t.end();
});

test('LIM2 a set too many is refused, the others stay', (t) => {
  const assembler = new ChunkAssembler(limits);
  for (const chunkId of ['a', 'b', 'c']) t.strictSame(chunk(assembler, 0, 2, chunkId, { chunkId }), waiting);
  t.strictSame(chunk(assembler, 0, 2, 'd', { chunkId: 'd' }), { kind: 'refused', code: 'RATE_LIMIT_EXCEEDED' });
  t.equal(assembler.sets, 3);
  t.equal(textOf(chunk(assembler, 1, 2, '!', { chunkId: 'a' })), 'a!');
  t.strictSame(chunk(assembler, 0, 2, 'd', { chunkId: 'd' }), waiting, 'there is room again');
  t.end();
});

test('LIM2 a set over the limit of bytes is refused and dropped, the others stay', (t) => {
  const assembler = new ChunkAssembler(limits);
  chunk(assembler, 0, 2, 'small', { chunkId: 'a' });
  t.strictSame(chunk(assembler, 0, 3, 'x'.repeat(1_500)), waiting);
  t.strictSame(chunk(assembler, 1, 3, 'x'.repeat(1_500)), { kind: 'refused', code: 'MESSAGE_TOO_LARGE' });
  t.strictSame([assembler.sets, assembler.bytes], [1, 708], 'only the other set is left');
  t.equal(textOf(chunk(assembler, 1, 2, '!', { chunkId: 'a' })), 'small!');
  t.strictSame(chunk(assembler, 0, 2, 'x'.repeat(5_000)), { kind: 'refused', code: 'MESSAGE_TOO_LARGE' });
  t.strictSame([assembler.sets, assembler.bytes], [0, 0]);
  t.end();
});

test('LIM2 what chunks cost besides their data counts, and all connections together have a bound', (t) => {
  const memory = { maxBytes: 10_000, bytes: 0 };
  const roomy = { sets: 10, bytes: 1_000_000, timeout: 100 };
  const assemblers = [new ChunkAssembler(roomy, memory), new ChunkAssembler(roomy, memory)];
  let taken = 0;
  for (let i = 0; i < 1_000; i++) {
    if (chunk(assemblers[i % 2]!, i >> 1, 2_000, 'x').kind === 'waiting') taken++;
    else break;
  }
  t.ok(taken > 30 && taken < 60, `${taken} chunks of one byte`);
  t.ok(memory.bytes <= memory.maxBytes);
  for (const assembler of assemblers) assembler.close();
  t.equal(memory.bytes, 0);
  t.end();
});

test('LIM2 a set that is not whole in time is dropped, counted from its first chunk', (t) => {
  const assembler = new ChunkAssembler(limits);
  chunk(assembler, 0, 3, 'old', { chunkId: 'old' }, 0);
  chunk(assembler, 0, 2, 'new', { chunkId: 'new' }, 60);
  chunk(assembler, 1, 3, 'old', { chunkId: 'old' }, 99);
  t.equal(assembler.sets, 2);
  t.strictSame(chunk(assembler, 2, 3, 'old', { chunkId: 'old' }, 100), waiting, 'it begins anew');
  assembler.expire(159);
  t.equal(assembler.sets, 2);
  assembler.expire(160);
  t.equal(assembler.sets, 1);
  assembler.expire(200);
  t.strictSame([assembler.sets, assembler.bytes], [0, 0]);
  t.end();
});

test('chunks that disagree on their number are refused, and their set is dropped', (t) => {
  const assembler = new ChunkAssembler(limits);
  chunk(assembler, 0, 2, 'a');
  t.strictSame(chunk(assembler, 1, 3, 'b'), { kind: 'refused', code: 'INVALID_MESSAGE' });
  t.strictSame([assembler.sets, assembler.bytes], [0, 0]);
  t.end();
});

test('malformed chunks are refused and leave nothing behind', (t) => {
  const assembler = new ChunkAssembler(limits);
  const good: ChunkFields = { chunkId: 'c', totalChunks: 2, chunkIndex: 0, data: 'eA==' };
  const bad: Partial<ChunkFields>[] = [
    ...[undefined, 1, null, 'x'.repeat(257)].map((chunkId) => ({ chunkId })),
    ...[undefined, 0, -1, 1.5, '2', 65_537, null].map((totalChunks) => ({ totalChunks })),
    ...[undefined, -1, 2, 0.5, '0'].map((chunkIndex) => ({ chunkIndex })),
    ...[undefined, 1, null, {}].map((data) => ({ data })),
  ];
  for (const fields of bad) {
    const outcome = add(assembler, binaryFrame('delta_batch_chunk', { ...good, ...fields }));
    t.strictSame(outcome, { kind: 'refused', code: 'INVALID_MESSAGE' }, JSON.stringify(fields));
  }
  const nested = add(assembler, binaryFrame('delta_batch_chunk', { payload: good }));
  t.strictSame(nested, { kind: 'refused', code: 'INVALID_MESSAGE' }, 'a binary frame has no nested payload');
  t.strictSame([assembler.sets, assembler.bytes], [0, 0]);
  t.end();
});

test('CON6 any chunks: never an exception, and the bounds hold', (t) => {
  const chunks = fc
    .tuple(
      fc.constantFrom('a', 'b', 'c', 'd'),
      fc.integer({ min: -1, max: 4 }),
      fc.integer({ min: 0, max: 4 }),
      fc.nat(600),
      mutations,
    )
    .map(([chunkId, chunkIndex, totalChunks, length, changes]) => {
      const body = JSON.stringify({ chunkIndex, chunkId, data: 'A'.repeat(length), totalChunks }).slice(1, -1);
      const frame = Buffer.from(encodeFrame('delta_batch_chunk', body, 1, 'binary'));
      return Buffer.concat([frame.subarray(0, 13), mutate(frame.subarray(13), changes)]);
    });
  holds(
    t,
    fc.property(fc.array(chunks, { maxLength: 12 }), (frames) => {
      const assembler = new ChunkAssembler(limits);
      frames.forEach((frame, now) => {
        const head = {
          kind: 'frame',
          type: 'delta_batch_chunk',
          form: 'binary',
          timestamp: 1,
          start: 13,
          end: frame.length,
        } as const;
        assembler.add(frame, head, scan, now);
        assert.ok(assembler.sets <= limits.sets && assembler.bytes >= 0 && assembler.bytes <= limits.bytes);
      });
      assembler.expire(1_000);
      assert.deepEqual([assembler.sets, assembler.bytes], [0, 0]);
    }),
    500,
  );
  t.end();
});
