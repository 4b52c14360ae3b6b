/** How far a string is passed, beside a model that goes from sign to sign. */
import { test } from 'tap';
import { StringScan, TextCore } from '../lib/index.js';
import { CoreInstance } from '../lib/core-instance.js';
import { Random } from './support/random.js';

/** What may stand in a string, whole: the signs are those of a state within a string, and some that are rare there. */
// eslint-disable-next-line no-control-regex -- these are what a string must not hold
const passed = /^(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/;

function model(bytes: Buffer): number {
  return passed.exec(bytes.toString('latin1'))?.[0].length ?? 0;
}

const parts = [
  '\\"',
  '\\"',
  '\\"',
  'a',
  'some words ',
  ':1,',
  '\\\\',
  '\\n',
  '\\u00e9',
  '\\uD83D',
  'é',
  '👍🏽',
  '/',
  '\\/',
];
const faults = ['"', '\\', '\\x', '\\u12g4', '\\u12', '\u0000', '\n', '\u001f', '"\\"'];

void test('it stops where a string ends or is at fault, wherever that lies', (t) => {
  const { strings } = new TextCore();
  const random = new Random(1);
  for (let run = 0; run < 3_000; run++) {
    const text: string[] = [];
    for (let left = random.below(60); left > 0; left--) text.push(random.pick(parts));
    if (random.below(3) > 0) text.splice(random.below(text.length + 1), 0, random.pick(faults));
    const bytes = Buffer.from(text.join(''));
    t.equal(strings.passString(bytes), model(bytes), JSON.stringify(text.join('')));
    const cut = bytes.subarray(0, random.below(bytes.length + 1));
    t.equal(strings.passString(cut), model(cut), `${JSON.stringify(text.join(''))}, cut at ${cut.length}`);
  }
  t.end();
});

void test('as much as fits is passed at a time, and more is refused', (t) => {
  const strings = new StringScan(new CoreInstance({}));
  const most = Buffer.alloc(strings.mostBytes, 'a');
  t.equal(strings.passString(most), most.length);
  t.equal(strings.passString(Buffer.alloc(0)), 0);
  t.throws(() => strings.passString(Buffer.alloc(strings.mostBytes + 1)), RangeError);
  t.end();
});
