/** Devices whose clocks are wrong, on one node, over a restart and on two nodes. */
import { test, type Test } from 'tap';
import { cluster } from '../support/nodes/cluster.js';
import { Device, type WriteForm } from '../support/clients/device.js';
import { client, folder, server } from '../support/nodes/fixture.js';
import { canonical } from '../support/clients/model-document.js';
import { until, type ServerProcess } from '../support/nodes/server.js';

const MINUTE_MS = 60_000;
const removed = { __deleted: true };
const forms: readonly WriteForm[] = ['delta', 'delta_batch'];

/** The next write is in a later millisecond. */
function tick(): Promise<unknown> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

/** Waits until all nodes hold these fields and all devices show them. @throws With what each holds, when they do not. */
async function agree(
  t: Test,
  nodes: readonly ServerProcess[],
  devices: readonly Device[],
  expected: Record<string, unknown>,
): Promise<void> {
  const { documentId } = devices[0]!.options;
  const readers = await Promise.all(nodes.map((node) => client(t, node)));
  let held: string[] = [];
  const equal = async (): Promise<boolean> => {
    const answers = await Promise.all(readers.map((reader) => reader.subscribe(documentId)));
    held = [...answers.map(({ state }) => canonical(state)), ...devices.map(({ live }) => live)];
    return held.every((state) => state === canonical(expected));
  };
  await until('all to be equal', equal, 10_000).catch(() => undefined);
  for (const reader of readers) reader.socket.terminate();
  t.same([...new Set(held)], [canonical(expected)], `what nodes and devices hold: ${canonical(expected)}`);
  if (!t.passing()) throw new Error('it goes on from a wrong state');
}

for (const form of forms) {
  test(`ORD7: a device five minutes slow overwrites what it has seen (${form})`, async (t) => {
    const node = await server(t);
    const right = await Device.open(t, node, { clientId: 'right', documentId: 'doc', form });
    await right.set('opened', 'by right');
    const slow = await Device.open(t, node, { clientId: 'slow', documentId: 'doc', form, aheadMs: -5 * MINUTE_MS });
    await right.set('live', 'by right');
    await until('the update', () => slow.get('live') === 'by right');
    for (const field of ['opened', 'live']) {
      for (let i = 1; i <= 3; i++) await slow.set(field, `slow ${i}`);
    }
    await agree(t, [node], [right, slow], { live: 'slow 3', opened: 'slow 3' });

    await right.set('live', 'right again');
    await agree(t, [node], [right, slow], { live: 'right again', opened: 'slow 3' });
    await slow.set('opened', removed);
    await agree(t, [node], [right, slow], { live: 'right again' });
  });

  test(`ORD7: a device a minute fast gains nothing over who has seen its write (${form})`, async (t) => {
    const node = await server(t);
    const fast = await Device.open(t, node, { clientId: 'fast', documentId: 'doc', form, aheadMs: 50_000 });
    const right = await Device.open(t, node, { clientId: 'right', documentId: 'doc', form });
    await fast.set('f', 'fast');
    await until('the update', () => right.get('f') === 'fast');
    await right.set('f', 'right');
    await agree(t, [node], [fast, right], { f: 'right' });
  });

  test(`ORD7: a write that has not seen the value it replaces is placed by its date (${form})`, async (t) => {
    const node = await server(t);
    const slow = await Device.open(t, node, { clientId: 'slow', documentId: 'doc', form, aheadMs: -5 * MINUTE_MS });
    const right = await Device.open(t, node, { clientId: 'right', documentId: 'doc', form });
    const unsent = slow.write('f', 'slow');
    await right.set('f', 'right');
    await slow.send(unsent);
    await agree(t, [node], [slow, right], { f: 'right' });
  });

  for (const fastMs of [2 * MINUTE_MS, MINUTE_MS / 2]) {
    test(`ACK4, ORD8: a write from ${fastMs / 1_000} s ahead, sent again, undoes nothing (${form})`, async (t) => {
      const SYNCKIT_DATA_DIR = await folder(t);
      const first = await server(t, { SYNCKIT_DATA_DIR });
      const options = { documentId: 'doc', form };
      const fast = await Device.open(t, first, { ...options, clientId: 'fast', aheadMs: fastMs });
      const right = await Device.open(t, first, { ...options, clientId: 'right' });
      const fields = ['overwritten', 'removed'];
      // Acknowledged, but the device does not hear of it.
      const unheard = fields.map((field) => fast.write(field, 'fast'));
      for (const write of unheard) await fast.send(write);
      await until('the updates', () => fields.every((field) => right.get(field) === 'fast'));
      await tick();
      await right.set('overwritten', 'right');
      await right.set('removed', removed);
      await tick();
      const expected = { overwritten: 'right' };
      for (let i = 0; i < 2; i++) {
        for (const write of unheard) await fast.send(write);
        await agree(t, [first], [right], expected);
      }

      await fast.connect(t, first);
      for (const write of unheard) await fast.send(write);
      await agree(t, [first], [fast, right], expected);

      await first.kill('SIGKILL');
      const second = await server(t, { SYNCKIT_DATA_DIR });
      await fast.connect(t, second);
      await right.connect(t, second);
      for (const write of unheard) await fast.send(write);
      await agree(t, [second], [fast, right], expected);
    });
  }

  test(`ACK4, ORD8: nor does it undo what others wrote without having seen it (${form})`, async (t) => {
    const node = await server(t);
    const options = { documentId: 'doc', form };
    const fast = await Device.open(t, node, { ...options, clientId: 'fast', aheadMs: 2 * MINUTE_MS });
    const plain = await client(t, node, { encoding: 'json' });
    const unheard = [fast.write('overwritten', 'fast'), fast.write('removed', 'fast')];
    for (const write of unheard) await fast.send(write);
    await tick();
    await plain.acked(plain.set('doc', 'overwritten', 'plain'));
    await plain.acked(plain.set('doc', 'removed', removed));
    await tick();
    for (const write of unheard) await fast.send(write);
    await agree(t, [node], [fast], { overwritten: 'plain' });
  });
}

test('ORD7, ORD8: wrong clocks on two nodes', async (t) => {
  const { nodes } = await cluster(t);
  for (const form of forms) {
    const options = { documentId: `doc-${form}`, form };
    const right = await Device.open(t, nodes[0], { ...options, clientId: 'right' });
    const slow = await Device.open(t, nodes[1], { ...options, clientId: 'slow', aheadMs: -5 * MINUTE_MS });
    const fast = await Device.open(t, nodes[1], { ...options, clientId: 'fast', aheadMs: 2 * MINUTE_MS });
    await right.set('a', 'right');
    await until('the update', () => slow.get('a') === 'right');
    await slow.set('a', 'slow');
    await agree(t, nodes, [right, slow, fast], { a: 'slow' });

    const unheard = fast.write('b', 'fast');
    await fast.send(unheard);
    await until('the update', () => right.get('b') === 'fast');
    await tick();
    await right.set('b', 'right');
    await until('the update', () => slow.get('b') === 'right');
    await tick();
    // By way of the other node, too.
    await fast.send(unheard);
    await agree(t, nodes, [right, slow, fast], { a: 'slow', b: 'right' });
    await fast.connect(t, nodes[0]);
    await fast.send(unheard);
    await agree(t, nodes, [right, slow, fast], { a: 'slow', b: 'right' });
  }
});
