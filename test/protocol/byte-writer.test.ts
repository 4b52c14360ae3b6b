import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'tap';
import { ByteWriter } from '../../src/protocol/byte-writer.js';
import { hardStrings } from '../support/values/json-text.js';
import { holds } from '../support/values/property.js';

/** One thing to append, and the bytes that must come of it. */
interface Step {
  readonly append: (writer: ByteWriter) => void;
  readonly bytes: Buffer;
}

function fixed(size: number, fill: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.alloc(size);
  fill(bytes);
  return bytes;
}

const wholeDoubles = fc.integer({ min: -(2 ** 53) + 1, max: 2 ** 53 - 1 });
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.nat(0xff).map((value) => ({ append: (w: ByteWriter) => w.u8(value), bytes: Buffer.from([value]) })),
  fc.nat(0xffff).map((value) => ({
    append: (w: ByteWriter) => w.u16(value),
    bytes: fixed(2, (bytes) => bytes.writeUInt16LE(value)),
  })),
  fc.integer({ min: 0, max: 0xffff_ffff }).map((value) => ({
    append: (w: ByteWriter) => w.u32(value),
    bytes: fixed(4, (bytes) => bytes.writeUInt32LE(value)),
  })),
  fc.double().map((value) => ({
    append: (w: ByteWriter) => w.f64(value),
    bytes: fixed(8, (bytes) => bytes.writeDoubleLE(value)),
  })),
  wholeDoubles.map((value) => ({
    append: (w: ByteWriter) => w.int64BE(value),
    bytes: fixed(8, (bytes) => bytes.writeBigInt64BE(BigInt(value))),
  })),
  fc
    .uint8Array({ maxLength: 40 })
    .map((value) => ({ append: (w: ByteWriter) => w.bytes(value), bytes: Buffer.from(value) })),
  hardStrings.map((value) => ({ append: (w: ByteWriter) => w.text(value), bytes: Buffer.from(value) })),
  fc.string({ unit: 'binary-ascii', maxLength: 40 }).map((value) => ({
    append: (w: ByteWriter) => w.shortAscii(value),
    bytes: Buffer.concat([fixed(2, (bytes) => bytes.writeUInt16LE(value.length)), Buffer.from(value)]),
  })),
  fc.tuple(fc.integer({ min: 0, max: 0xffff_ffff }), fc.boolean()).map(([value, bigEndian]) => ({
    append: (w: ByteWriter) => {
      const hole = w.hole32();
      w.text('x');
      if (bigEndian) w.fill32BE(hole, value);
      else w.fill32(hole, value);
    },
    bytes: fixed(5, (bytes) => {
      if (bigEndian) bytes.writeUInt32BE(value);
      else bytes.writeUInt32LE(value);
      bytes.write('x', 4);
    }),
  })),
);

test('what is appended stands one behind the other, however small the buffer was', (t) => {
  holds(
    t,
    fc.property(fc.array(steps), fc.constantFrom(1, 7, 64, 16_384), (appended, initial) => {
      const writer = new ByteWriter(initial);
      const expected = Buffer.concat(appended.map(({ bytes }) => bytes));
      // Twice: what was taken must not show again.
      for (let turn = 0; turn < 2; turn++) {
        for (const { append } of appended) append(writer);
        assert.equal(writer.length, expected.length);
        assert.deepEqual(Buffer.from(writer.view()), expected);
        assert.deepEqual(Buffer.from(writer.finish()), expected);
        assert.equal(writer.length, 0);
      }
    }),
    500,
  );
  t.end();
});

test('what was taken has a buffer of exactly its size, and its own', (t) => {
  const writer = new ByteWriter(4);
  writer.text('abcdefgh');
  const taken = writer.finish();
  t.equal(taken.buffer.byteLength, 8);
  writer.text('ABCDEFGH');
  t.equal(Buffer.from(taken).toString(), 'abcdefgh');
  t.end();
});

test('a large batch is given away instead of being copied, with little behind it', (t) => {
  const writer = new ByteWriter(16);
  writer.text('head');
  writer.bytes(new Uint8Array(1_000).fill(7));
  const { buffer } = writer.view();
  writer.text('tail');
  const taken = writer.finish();
  t.equal(taken.buffer, buffer);
  t.ok(buffer.byteLength <= (taken.length * 8) / 7);
  writer.text('next');
  t.equal(Buffer.from(taken).toString('latin1'), `head${'\x07'.repeat(1_000)}tail`);
  writer.bytes(new Uint8Array(600));
  writer.bytes(new Uint8Array(20));
  writer.bytes(new Uint8Array(20));
  t.equal(writer.finish().buffer.byteLength, 644, 'much of it was unused');
  t.end();
});

test('the memory of a large batch is not kept', (t) => {
  const writer = new ByteWriter(16);
  writer.bytes(new Uint8Array(1_000));
  writer.finish();
  writer.u8(1);
  t.equal(writer.view().buffer.byteLength, 16);
  t.end();
});
