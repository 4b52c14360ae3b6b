import { test } from 'tap';
import { isClaim } from '../../src/protocol/claims.js';
import { variants } from '../../src/messages/task.js';
import type { Incoming } from '../support/clients/client.js';
import { brief, origin, ShardDriver, stampOf, toAll, toOne, write, type Sent } from '../support/parts/shard-driver.js';

const { binaryDelta, binaryBatch, jsonDelta, jsonBatch } = variants;

function published(sent: readonly Sent[], variant: number = binaryDelta): string[] {
  return toAll(sent)
    .filter((entry) => entry.variant === variant)
    .map(brief);
}

/** What a session was sent besides acks. */
function told(sent: readonly Sent[], session: number): string[] {
  return toOne(sent, session)
    .filter(({ message }) => message.type !== 'ack')
    .map(brief);
}

test('FAN3 several writes of one field leave as one, the winner, and each is acknowledged', async (t) => {
  const driver = new ShardDriver();
  const sent = await driver.run('d', [
    write(1, { id: 'm1', field: 'f', value: 1 }, 1_000),
    write(2, { id: 'm2', field: 'g', value: 2 }, 1_000),
    write(1, { id: 'm3', messageId: 'own', field: 'f', value: 3 }, 1_001),
  ]);
  t.strictSame(published(sent).sort(), ['f=3', 'g=2']);
  t.strictSame(
    toOne(sent).map((entry) => `${entry.session} ${brief(entry)}`),
    ['1 ack m1', '2 ack m2', '1 ack own'],
  );
  t.strictSame(await driver.state('d'), { f: 3, g: 2 });
});

test('FAN1 each variant that has subscribers gets its frames, the others none', async (t) => {
  const driver = new ShardDriver();
  const records = [write(1, { delta: { f: 1, g: { __deleted: true } } })];
  t.strictSame(toAll(await driver.run('d', records, 0)), []);
  const sent = await driver.run('e', records, binaryDelta | binaryBatch | jsonDelta | jsonBatch);
  for (const variant of [binaryDelta, jsonDelta])
    t.strictSame(published(sent, variant), ['f=1', 'g={"__deleted":true}']);
  for (const variant of [binaryBatch, jsonBatch]) t.strictSame(published(sent, variant), ['f=1 g={"__deleted":true}']);
  for (const { message } of toAll(sent)) {
    t.equal(message['documentId'], 'e');
    t.equal(typeof message['id'], 'string');
    if (message.type === 'delta') t.equal(message['clientId'], 'server');
  }
});

test('FAN1 a large flush is cut into several batches', async (t) => {
  const driver = new ShardDriver({ limits: { maxFields: 1_000, maxBytes: 10_000_000 } });
  const deltas = Array.from({ length: 10 }, (_, i) => ({ field: `f${i}`, value: 'x'.repeat(100_000) }));
  const sent = toAll(await driver.run('d', [write(1, { deltas })], jsonBatch));
  t.ok(sent.length > 1 && sent.length < 10, `${sent.length} frames`);
  const entries = sent.flatMap(({ message }) => message['deltas'] as Incoming[]);
  t.strictSame(
    entries.map((entry) => entry['field']),
    deltas.map(({ field }) => field),
  );
});

test('ORD5 L grows from one value to the next, also of fields that change twice in a flush', async (t) => {
  const driver = new ShardDriver();
  const stamps: number[] = [];
  for (let round = 0; round < 20; round++) {
    const fields = ['a', 'b', 'c', 'a', 'c', 'b'].slice(round % 4);
    const sent = await driver.run(
      'd',
      fields.map((field, i) => write(1, { field, value: i }, Date.now())),
    );
    stamps.push(...toAll(sent).map(({ message }) => stampOf(message)));
  }
  t.ok(
    stamps.every((stamp, i) => i === 0 || stamp > stamps[i - 1]!),
    stamps.join(' '),
  );
});

test('ORD5 a clock holds L twice: for the server and for the writer', async (t) => {
  const driver = new ShardDriver();
  const sent = await driver.run('d', [
    write(1, { field: 'a', value: 1, clientId: 'w', clock: { w: 3, x: 9 } }),
    write(1, { field: 'b', value: 1, clientId: 'server' }),
    write(1, { field: 'c', value: 1 }),
    write(1, '{"field":"d","value":1,"clientId":"__proto__"}'),
  ]);
  const clocks = toAll(sent).map(({ message }) =>
    Object.entries(message['clock'] as Record<string, number>).filter(([id]) => !isClaim(id)),
  );
  t.strictSame(
    clocks.map((clock) => clock.map(([id]) => id)),
    [
      ['server', 'w'],
      ['server', 'node-test'],
      ['server', 'node-test'],
      ['server', '__proto__'],
    ],
  );
  for (const clock of clocks) for (const [, count] of clock) t.equal(count, clock[0]![1]);
});

test('ORD5 L is above what the writer has seen, so that clients take the value', async (t) => {
  const driver = new ShardDriver();
  const seen = (Date.now() + 10_000) * 1024;
  const [sent] = toAll(
    await driver.run('d', [write(1, { field: 'f', value: 1, clientId: 'w', clock: { w: 1, server: seen } })]),
  );
  t.ok(stampOf(sent!.message) > seen);
});

test('ORD1 the greatest by time, counter and client id wins, in whatever sequence', async (t) => {
  const writes = [
    { timestamp: 2_000, clock: { a: 1 }, clientId: 'a', value: 'time' },
    { timestamp: 1_000, clock: { a: 9 }, clientId: 'a', value: 'counter' },
    { timestamp: 1_000, clock: { a: 8 }, clientId: 'a', value: 'less' },
    { timestamp: 1_000, clock: { '\uffff': 8 }, clientId: '\uffff', value: 'UTF-16 order' },
    { timestamp: 1_000, clock: { '𝄞': 8 }, clientId: '𝄞', value: 'UTF-8 order' },
  ];
  for (const [dropped, expected] of [
    [0, 'time'],
    [1, 'counter'],
    [2, 'UTF-8 order'],
  ] as const) {
    const left = writes.slice(dropped);
    for (const order of [left, [...left].reverse()]) {
      const driver = new ShardDriver();
      for (const operation of order) await driver.run('d', [write(1, { deltas: [{ field: 'f', ...operation }] })]);
      t.strictSame(await driver.state('d'), { f: expected });
    }
  }
});

test('ORD3 an older write does not bring a removed field back', async (t) => {
  const driver = new ShardDriver();
  await driver.run('d', [write(1, { field: 'f', value: 1 }, 1_000), write(1, { field: 'f', type: 'delete' }, 3_000)]);
  const sent = await driver.run('d', [write(2, { id: 'm', field: 'f', value: 2 }, 2_000)]);
  t.strictSame(published(sent), []);
  t.strictSame(told(sent, 2), ['f={"__deleted":true}']);
  t.strictSame(await driver.state('d'), {});
});

test('ORD4 a write that loses is acknowledged, and its sender alone is told what won, with a larger L', async (t) => {
  const driver = new ShardDriver();
  const won = await driver.run('d', [
    write(1, { field: 'f', value: 'new', clientId: 'w' }, 2_000),
    write(1, { field: 'g', value: 'g', clientId: 'w' }, 2_000),
  ]);
  const lost = await driver.run('d', [
    write(2, { id: 'm', field: 'f', value: 'old', clientId: 'l', clock: { l: 5 } }, 1_000),
    write(3, { field: 'h', value: 'h', clientId: 'x' }, 3_000),
  ]);
  t.strictSame(published(lost), ['h="h"']);
  t.strictSame(told(lost, 2), ['f="new"']);
  t.strictSame(told(lost, 3), []);
  t.ok(toOne(lost, 2).some((entry) => brief(entry) === 'ack m'));
  const { message } = toOne(lost, 2).find((entry) => entry.message.type === 'delta')!;
  const winner = toAll(won).find((entry) => brief(entry) === 'f="new"')!.message;
  t.ok(stampOf(message) > Math.max(...toAll(won).map((entry) => stampOf(entry.message))));
  t.strictSame(
    message['clock'],
    { server: stampOf(message), '#+': stampOf(message), w: stampOf(winner), l: stampOf(message) },
    'its own counter is lifted',
  );
});

test('ORD4 a supportsBatch client is told of all it lost in one delta_batch', async (t) => {
  const driver = new ShardDriver();
  await driver.run('d', [write(1, { delta: { f: 1, g: 2 } }, 2_000)]);
  const supportsBatch = origin(2, { encoding: 'json', supportsBatch: true });
  const sent = await driver.run('d', [
    write(
      supportsBatch,
      {
        deltas: [
          { field: 'f', value: 0 },
          { field: 'g', value: 0 },
          { field: 'h', value: 3 },
        ],
      },
      1_000,
    ),
  ]);
  t.strictSame(told(sent, 2), ['f=1 g=2']);
  t.strictSame(published(sent), ['h=3']);
});

test('ORD4 who lost in a flush is told what the flush ended with', async (t) => {
  const driver = new ShardDriver();
  const sent = await driver.run('d', [
    write(1, { field: 'f', value: 'first' }, 2_000),
    write(2, { field: 'f', value: 'loser' }, 1_000),
    write(3, { field: 'f', value: 'last' }, 3_000),
  ]);
  t.strictSame(published(sent), ['f="last"']);
  t.strictSame(told(sent, 2), ['f="last"']);
  t.strictSame([told(sent, 1), told(sent, 3)], [[], []]);
});

test('ACK4 a write that comes again changes nothing and is acknowledged again', async (t) => {
  const driver = new ShardDriver();
  const record = write(1, { id: 'm', field: 'f', value: 1, clientId: 'w', clock: { w: 1 } }, 1_000);
  await driver.run('d', [record]);
  const again = await driver.run('d', [record, record]);
  t.strictSame(published(again), []);
  t.strictSame(
    toOne(again, 1)
      .map(brief)
      .filter((text) => text === 'ack m').length,
    2,
  );
  t.equal(driver.storage.commits.length, 1);
});

test('ORD2 a write from the future counts as now, so that the next one wins', async (t) => {
  const driver = new ShardDriver();
  await driver.run('d', [write(1, { field: 'f', value: 'future' }, Date.now() + 3_600_000)]);
  await driver.run('d', [write(2, { field: 'f', value: 'now' }, Date.now() + 50_000)]);
  t.strictSame(await driver.state('d'), { f: 'now' });
});

test('times with fractions and times that are none are stored as whole milliseconds', async (t) => {
  const driver = new ShardDriver();
  const deltas = [
    { field: 'a', value: 1, timestamp: 1_000.75 },
    { field: 'b', value: 1, timestamp: -3 },
  ];
  const sent = await driver.run('d', [write(1, { id: 'm', deltas }, NaN)]);
  t.strictSame(toOne(sent).map(brief), ['ack m']);
  const [a, b] = driver.storage.commits[0]![0]!.fields;
  t.equal(a?.timestamp, 1_000);
  t.ok(Number.isSafeInteger(b?.timestamp));
});

test('ACK2 a message without any id is applied and not acknowledged', async (t) => {
  const driver = new ShardDriver();
  t.strictSame(toOne(await driver.run('d', [write(1, { field: 'f', value: 1 })])), []);
  t.strictSame(await driver.state('d'), { f: 1 });
});

test('ACK3 ERR1 ERR3 a message with one bad operation is refused as a whole', async (t) => {
  const driver = new ShardDriver();
  const good = { field: 'a', value: 1 };
  const cases: [unknown[], string][] = [
    [[good, { field: 'b' }], 'INVALID_DELTA'],
    [[good, { type: 'text-state', state: 7 }], 'INVALID_DELTA'],
    [[good, { ...good, documentId: 'e' }], 'PERMISSION_DENIED'],
    [[good, 7], 'INVALID_DELTA'],
  ];
  for (const [deltas, code] of cases) {
    const sent = await driver.run('d', [write(1, { id: 'm', deltas })]);
    t.strictSame(
      sent.map((entry) => brief(entry)),
      [`error ${code} m`],
    );
    t.match(toOne(sent)[0]?.message, { details: { documentId: 'd' } });
  }
  const broken = await driver.run('d', [
    write(1, '{"id":"m","field":"a"'),
    write(1, { id: 'ok', field: 'b', value: 2 }),
  ]);
  t.strictSame(toOne(broken).map(brief), ['error INVALID_MESSAGE m', 'ack ok'], 'ACK6 the others are applied');
  t.strictSame(await driver.state('d'), { b: 2 });
  t.strictSame(await driver.state('e'), {});
});

test('LIM5 a write over a limit is refused as a whole, removing is not', async (t) => {
  const driver = new ShardDriver({ limits: { maxFields: 3, maxBytes: 20_000 } });
  await driver.run('d', [write(1, { delta: { a: 1, b: 2, c: 3 } })]);
  const codes = async (payload: object): Promise<string[]> =>
    toOne(await driver.run('d', [write(1, { id: 'm', ...payload })])).map(brief);
  t.strictSame(await codes({ delta: { a: 5, d: 4 } }), ['error DOCUMENT_TOO_LARGE m']);
  t.strictSame(await codes({ delta: { a: 2, c: 4 } }), ['ack m'], 'fields that are there may change');
  t.strictSame(await codes({ field: 'a', value: 'x'.repeat(30_000) }), ['error DOCUMENT_TOO_LARGE m']);
  t.strictSame(await codes({ field: 'a', value: 'x'.repeat(15_000) }), ['ack m']);
  t.strictSame(await codes({ field: 'b', value: 'x'.repeat(15_000) }), ['error DOCUMENT_TOO_LARGE m']);
  t.strictSame(await codes({ delta: { a: { __deleted: true }, b: { __deleted: true } } }), ['ack m']);
  t.strictSame(await driver.state('d'), { c: 4 });
});
