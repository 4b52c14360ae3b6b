/** The tables' hash is SipHash-1-3: keyed, so that names that collide can't be made without the key. */
import { test } from 'tap';
import { CoreInstance } from '../lib/core-instance.js';
import { Random } from './support/random.js';

const mask = (1n << 64n) - 1n;

/** SipHash with c and d rounds, from its definition, in bigints. */
function sipHash(c: number, d: number, key: [bigint, bigint], message: Uint8Array): bigint {
  const v: [bigint, bigint, bigint, bigint] = [
    key[0] ^ 0x736f6d6570736575n,
    key[1] ^ 0x646f72616e646f6dn,
    key[0] ^ 0x6c7967656e657261n,
    key[1] ^ 0x7465646279746573n,
  ];
  const padded = Buffer.alloc(((message.length >> 3) + 1) * 8);
  padded.set(message);
  padded[padded.length - 1] = message.length & 0xff;
  for (let at = 0; at < padded.length; at += 8) {
    const word = padded.readBigUInt64LE(at);
    v[3] ^= word;
    for (let round = 0; round < c; round++) sipRound(v);
    v[0] ^= word;
  }
  v[2] ^= 0xffn;
  for (let round = 0; round < d; round++) sipRound(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

function sipRound(v: [bigint, bigint, bigint, bigint]): void {
  v[0] = (v[0] + v[1]) & mask;
  v[1] = rotate(v[1], 13n) ^ v[0];
  v[0] = rotate(v[0], 32n);
  v[2] = (v[2] + v[3]) & mask;
  v[3] = rotate(v[3], 16n) ^ v[2];
  v[0] = (v[0] + v[3]) & mask;
  v[3] = rotate(v[3], 21n) ^ v[0];
  v[2] = (v[2] + v[1]) & mask;
  v[1] = rotate(v[1], 17n) ^ v[2];
  v[2] = rotate(v[2], 32n);
}

function rotate(word: bigint, bits: bigint): bigint {
  return ((word << bits) | (word >> (64n - bits))) & mask;
}

void test('the model of the hash gives the number that the paper on SipHash prints', (t) => {
  const message = Uint8Array.from({ length: 15 }, (_, index) => index);
  t.equal(sipHash(2, 4, [0x0706050403020100n, 0x0f0e0d0c0b0a0908n], message), 0xa129ca6149be45e5n);
  t.end();
});

void test('the core hashes as the model does, messages of all lengths', (t) => {
  const { exports, input, memory, run } = instance();
  const random = new Random(1);
  for (let length = 0; length < 100; length++) {
    const message = Array.from({ length }, () => String.fromCharCode(random.below(128))).join('');
    const words = [0, 1, 2, 3].map(() => random.below(2 ** 32)) as [number, number, number, number];
    const hash = run(() => {
      exports.seedHash(...words);
      return exports.hashInput(memory.writeText(message, input));
    });
    const [a, b, c, d] = words.map(BigInt) as [bigint, bigint, bigint, bigint];
    const expected = sipHash(1, 3, [(a << 32n) | b, (c << 32n) | d], Buffer.from(message));
    t.equal(hash >>> 0, Number(expected & 0xffffffffn), `length ${length}`);
  }
  t.end();
});

void test('without a seed the key differs from instance to instance', (t) => {
  const hashes = [{}, {}, {}].map((options) => {
    const core = new CoreInstance(options);
    return core.exports.hashInput(core.memory.writeText('some path', core.input));
  });
  t.equal(new Set(hashes).size, 3);
  t.end();
});

function instance() {
  const core = new CoreInstance({ hashSeed: 1 });
  return {
    exports: core.exports,
    input: core.input,
    memory: core.memory,
    run: <T>(calls: () => T): T => core.run(calls),
  };
}
