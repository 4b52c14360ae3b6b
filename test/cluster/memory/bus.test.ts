import { test } from 'tap';
import { MemoryHub } from '../../../src/cluster/memory/bus.js';
import { encodeMessage } from '../../../src/cluster/message.js';
import { busContract, type BusWorld } from '../../contract/bus.js';
import { BusRecorder, updateOf } from '../../support/redis/bus-recorder.js';
import { until } from '../../support/nodes/server.js';

function memoryWorld(): Promise<BusWorld> {
  const hub = new MemoryHub();
  return Promise.resolve({
    open: (options) => hub.open(options),
    inject: (channel, bytes) => {
      hub.inject(channel, bytes);
      return Promise.resolve();
    },
    lose: (loses) => {
      let messages = 0;
      hub.loses = () => loses(++messages);
    },
    cut: (bus) => hub.disconnect(bus),
    mend: (bus) => hub.connect(bus),
    cleanup: () => Promise.resolve(),
  });
}

busContract('memory', memoryWorld);

test('delayed messages are no gaps', async (t) => {
  const hub = new MemoryHub();
  hub.delayMs = 100;
  const seen = new BusRecorder();
  const [a, b] = [hub.open(new BusRecorder().options('a')), hub.open(seen.options('b'))];
  t.teardown(() => Promise.all([a.close(), b.close()]));
  await until('connections', () => a.connected && b.connected);
  b.subscribe(['doc']);
  await seen.subscribed('doc');
  for (let i = 1; i <= 3; i++) a.publish(updateOf('doc', i));
  await until('update', () => seen.updates.length === 3);
  t.equal(seen.counted.gaps, 0);
});

test('all buses can be disconnected at once', async (t) => {
  const hub = new MemoryHub();
  const buses = ['a', 'b'].map((node) => hub.open(new BusRecorder().options(node)));
  t.teardown(() => Promise.all(buses.map((bus) => bus.close())));
  await until('connections', () => buses.every((bus) => bus.connected));
  hub.disconnect();
  await until('no connections', () => buses.every((bus) => !bus.connected));
  hub.connect();
  await until('connections', () => buses.every((bus) => bus.connected));
  hub.inject('doc:doc', encodeMessage({ kind: 'tail', node: 'x', epoch: 1, sequence: 1, sentAt: 0, since: 0 }));
  t.pass();
});
