/** Devices whose clocks are wrong, as one shard sees them. */
import { test } from 'tap';
import { brief, ShardDriver, stampOf, toAll, toOne, write } from '../../support/parts/shard-driver.js';
import type { WriteRecord } from '../../../src/messages/task.js';

const MINUTE = 60_000;

/** A write of a client that counts, has seen stamps up to `seen`, and whose clock is so far off. */
function by(clientId: string, value: string, offMs: number, counter: number, seen: number): WriteRecord {
  const clock = { server: seen, [clientId]: counter };
  return write(clientId.charCodeAt(0), { field: 'f', value, clientId, clock }, Date.now() + offMs);
}

async function fieldOf(driver: ShardDriver): Promise<unknown> {
  return (await driver.state('d'))['f'];
}

test('ORD7 a write that has seen the present value comes after it, and the same client’s next one after that', async (t) => {
  const driver = new ShardDriver();
  const [update] = toAll(await driver.run('d', [by('a', 'first', 0, 1, 0)]));
  const stamp = stampOf(update!.message);
  await driver.run('d', [by('b', 'unseen', -5 * MINUTE, 1, stamp - 1)]);
  t.equal(await fieldOf(driver), 'first');
  await driver.run('d', [by('b', 'seen', -5 * MINUTE, stamp + 1, stamp)]);
  t.equal(await fieldOf(driver), 'seen');
  await driver.run('d', [by('b', 'next', -5 * MINUTE, stamp + 2, stamp)]);
  t.equal(await fieldOf(driver), 'next');
  await driver.run('d', [by('b', 'seen', -5 * MINUTE, stamp + 1, stamp)]);
  t.equal(await fieldOf(driver), 'next', 'ACK4: sent again, it changes nothing');
});

test('ORD7 an entry that no server gives is no sign of having seen', async (t) => {
  const driver = new ShardDriver();
  await driver.run('d', [by('a', 'first', 0, 1, 0)]);
  await driver.run('d', [by('b', 'late', -5 * MINUTE, 1, (Date.now() + 10 * MINUTE) * 1024)]);
  t.equal(await fieldOf(driver), 'first');
});

test('ORD7 a counter that can’t be followed is followed by the next millisecond', async (t) => {
  const driver = new ShardDriver();
  await driver.run('d', [by('a', 'first', -5 * MINUTE, Number.MAX_SAFE_INTEGER, 0)]);
  const stamp = stampOf(toAll(driver.sent)[0]!.message);
  await driver.run('d', [by('b', 'second', -6 * MINUTE, 1, stamp)]);
  t.equal(await fieldOf(driver), 'second');
  t.ok(
    driver.storage.commits.flat().every(({ fields }) => fields.every(({ counter }) => Number.isSafeInteger(counter))),
  );
});

test('ORD8 ACK4 a write from the future takes a field that is not there, follows itself, and undoes nothing', async (t) => {
  const driver = new ShardDriver();
  const first = by('a', 'first', 2 * MINUTE, 1, 0);
  await driver.run('d', [first, by('a', 'second', 2 * MINUTE, 2, 0)]);
  t.equal(await fieldOf(driver), 'second');
  await driver.run('d', [first]);
  t.equal(await fieldOf(driver), 'second');
  const stamp = stampOf(toAll(driver.sent)[0]!.message);
  await driver.run('d', [by('b', 'removed', 0, stamp + 1, stamp)]);
  await driver.run('d', [by('a', 'second', 2 * MINUTE, 2, 0), by('a', 'third', 2 * MINUTE, 3, 0)]);
  t.equal(await fieldOf(driver), 'removed', 'of what it has not seen');
  const answer = toOne(driver.sent, 'a'.charCodeAt(0))
    .filter(({ message }) => message.type === 'delta')
    .at(-1)!;
  t.equal(brief(answer), 'f="removed"', 'ORD4');
  await driver.run('d', [by('a', 'fourth', 2 * MINUTE, 4, stampOf(answer.message))]);
  t.equal(await fieldOf(driver), 'fourth');
});

test('ORD8 ACK4 without a clock, a write from the future has the date that it had when it came first', async (t) => {
  const driver = new ShardDriver();
  const fast = write(1, { field: 'f', value: 'fast' }, Date.now() + 2 * MINUTE);
  await driver.run('d', [fast]);
  await new Promise((resolve) => setTimeout(resolve, 2));
  await driver.run('d', [write(2, { field: 'f', value: 'later' })]);
  await new Promise((resolve) => setTimeout(resolve, 2));
  await driver.run('d', [fast]);
  t.equal(await fieldOf(driver), 'later');
});
