import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'tap';
import {
  decodeAwareness,
  encodeAwareness,
  readAcceptedAwareness,
  type AwarenessMessage,
} from '../../src/cluster/awareness-message.js';
import { holds } from '../support/values/property.js';

const plain = { noNullPrototype: true };
const names = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });
const counts = fc.nat(2 ** 40);
const states = fc.array(
  fc.record(
    {
      clientId: names,
      user: names,
      claimed: counts,
      generation: counts,
      clock: counts,
      state: fc.object().map((object) => JSON.stringify(object)),
    },
    plain,
  ),
  { maxLength: 4 },
);
const messages: fc.Arbitrary<AwarenessMessage> = fc.oneof(
  fc.record({ kind: fc.constant('ask' as const), run: names }, plain),
  fc.record(
    { kind: fc.constant('changes' as const), run: names, sequence: counts, states, left: fc.array(names) },
    plain,
  ),
  fc.record(
    { kind: fc.constant('all' as const), run: names, sequence: counts, states, part: fc.nat(99), isLast: fc.boolean() },
    plain,
  ),
);

test('a message is read as it was written, with checks and, once accepted, without', (t) => {
  holds(
    t,
    fc.property(messages, (message) => {
      const bytes = Uint8Array.from(encodeAwareness(message));
      assert.deepEqual(decodeAwareness(bytes), message);
      assert.deepEqual(readAcceptedAwareness(bytes), message);
    }),
    300,
  );
  t.end();
});
