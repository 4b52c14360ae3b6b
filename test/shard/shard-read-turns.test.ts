/** Reads take turns with everything else: no reader of a large document holds the writers of another one up. */
import { FieldsCore } from '@synckit/core-wasm';
import { test } from 'tap';
import { origin, ShardDriver, stateVector, subscribe, write } from '../support/parts/shard-driver.js';
import { until } from '../support/nodes/server.js';

/** Counts how often a state is made. */
class CountingCore extends FieldsCore {
  states = 0;

  override state(handle: number): Uint8Array<ArrayBuffer> {
    this.states++;
    return super.state(handle);
  }
}

const FIELDS = 400;

async function large(core: FieldsCore): Promise<ShardDriver> {
  const driver = new ShardDriver({
    core,
    limits: { maxFields: 10_000, maxBytes: 64_000_000 },
    maxSnapshotBytes: 64_000_000,
  });
  for (let i = 0; i < FIELDS; i++) await driver.run('large', [write(1, { field: `f${i}`, value: 'x'.repeat(5_000) })]);
  return driver;
}

test('contract 10: a write is acknowledged between the reads of another document', async (t) => {
  const driver = await large(new FieldsCore());
  const readers = Array.from({ length: 40 }, (_, i) => origin(100 + i, { encoding: 'json' }));
  const before = driver.sent.length;
  driver.give({ large: readers.map((reader) => subscribe(reader)) });
  driver.give({ other: [write(2, { field: 'f', value: 1, messageId: 'm' })] });
  const sent = () =>
    driver.sent
      .slice(before)
      .filter((entry) => entry.to === 'one')
      .map(({ message }) => message.type);
  await until('all answers', () => sent().length === readers.length + 1);
  t.ok(sent().indexOf('ack') < readers.length / 2, `the ack is number ${sent().indexOf('ack')}`);
});

test('contract 10: the state of a large document is made once for all who ask before it changes', async (t) => {
  const core = new CountingCore();
  const driver = await large(core);
  const readers = Array.from({ length: 40 }, (_, i) => origin(100 + i, { encoding: 'json' }));
  core.states = 0;
  for (const reader of readers) await driver.run('large', [subscribe(reader)]);
  t.equal(core.states, 1);
  await driver.run('large', [write(1, { field: 'f0', value: 'new' })]);
  const state = await driver.state('large');
  t.equal(state['f0'], 'new');
  t.equal(core.states, 2);
  await driver.run('large', [write(1, { field: 'f0', value: { __deleted: true } })]);
  t.notOk('f0' in (await driver.state('large')));
});

test('contract 10: vectors take turns too', async (t) => {
  const driver = await large(new FieldsCore());
  const before = driver.sent.length;
  driver.give({ large: Array.from({ length: 20 }, (_, i) => stateVector(origin(100 + i), [])) });
  driver.give({ other: [write(2, { field: 'f', value: 1, messageId: 'm' })] });
  const sent = () =>
    driver.sent
      .slice(before)
      .filter((entry) => entry.to === 'one')
      .map(({ message }) => message.type);
  await until('all answers', () => sent().length === 21);
  t.ok(sent().indexOf('ack') < 10, `the ack is number ${sent().indexOf('ack')}`);
});
