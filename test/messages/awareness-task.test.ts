import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'tap';
import {
  awarenessKinds,
  AwarenessTaskWriter,
  readAwarenessTask,
  type AwarenessEntry,
} from '../../src/messages/awareness-task.js';
import { holds } from '../support/values/property.js';

const entries: fc.Arbitrary<AwarenessEntry> = fc.record(
  {
    kind: fc.constantFrom(...Object.values(awarenessKinds)),
    documentId: fc.string({ unit: fc.constantFrom(...Array.from('azAZ09_:-')), minLength: 1, maxLength: 256 }),
    message: fc.uint8Array({ maxLength: 300 }),
  },
  { noNullPrototype: true },
);

test('what the acceptor says of awareness is what the shard reads', (t) => {
  holds(
    t,
    fc.property(fc.array(entries), (written) => {
      const writer = new AwarenessTaskWriter();
      for (const entry of written) writer.add(entry);
      const read = Array.from(readAwarenessTask(writer.finish()), (entry) => {
        return { ...entry, message: new Uint8Array(entry.message) };
      });
      assert.deepEqual(read, written);
      assert.equal(writer.length, 0);
    }),
  );
  t.end();
});
