import t from 'tap';
import { compareRows } from '../../src/storage/order.js';
import { newSeed, randomFrom } from '../contract/random.js';
import { row } from '../contract/storage-rows.js';

void t.test('each level decides only when those before it are equal', (t) => {
  const ascending = [
    row({ timestamp: 1, counter: 9, clientId: 'z', value: '9' }),
    row({ timestamp: 2, counter: 1, clientId: 'z', value: '9' }),
    row({ timestamp: 2, counter: 2, clientId: 'a', value: '9' }),
    row({ timestamp: 2, counter: 2, clientId: 'b', value: '1' }),
    row({ timestamp: 2, counter: 2, clientId: 'b', value: '10' }),
    row({ timestamp: 2, counter: 2, clientId: 'b', value: '2' }),
  ];
  ascending.forEach((a, i) => {
    ascending.forEach((b, j) => t.equal(Math.sign(compareRows(a, b)), Math.sign(i - j)));
  });
  t.end();
});

void t.test('path, stamp and deleted have no place in the order', (t) => {
  t.equal(compareRows(row(), row({ path: 'other', stamp: 1, deleted: true })), 0);
  t.end();
});

void t.test('strings are compared by their UTF-8 bytes', (t) => {
  const seed = newSeed();
  const random = randomFrom(seed);
  const characters = ['', 'a', '\0', '\x7f', '\x80', '\u07ff', '\u0800', '\ud7ff', '\ue000', '\uffff'].concat(
    ['\u{10000}', '\u{103ff}', '\u{10400}', '\u{1f600}', '\u{10ffff}'], // the first three differ in one surrogate
  );
  const text = () => Array.from({ length: random.below(4) }, () => random.pick(characters)).join('');
  for (let i = 0; i < 20_000; i++) {
    const [a, b] = [text(), text()];
    const expected = Buffer.compare(Buffer.from(a), Buffer.from(b));
    const byClient = Math.sign(compareRows(row({ clientId: a }), row({ clientId: b })));
    const byValue = Math.sign(compareRows(row({ value: a }), row({ value: b })));
    if (byClient !== expected || byValue !== expected) {
      t.fail(`${JSON.stringify(a)} and ${JSON.stringify(b)} (SEED=${seed})`);
    }
  }
  t.pass(`SEED=${seed}`);
  t.end();
});
