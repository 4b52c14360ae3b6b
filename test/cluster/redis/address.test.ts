import { test } from 'tap';
import { connectionOptions, parseRedisUrl, serverName } from '../../../src/cluster/redis/address.js';
import { readSlots, slotOf } from '../../../src/cluster/redis/slots.js';

test('addresses', (t) => {
  const plain = { host: 'host', port: 6379, username: undefined, password: undefined, db: 0, tls: false };
  t.same(parseRedisUrl('redis://host'), plain);
  t.same(parseRedisUrl('rediss://host:1/2'), { ...plain, port: 1, db: 2, tls: true });
  t.same(parseRedisUrl('redis://us%40er:p%3Aw%2F@host/'), { ...plain, username: 'us@er', password: 'p:w/' });
  t.same(parseRedisUrl('redis://:50%@host'), { ...plain, password: '50%' }, 'not escaped at all');
  t.equal(parseRedisUrl('redis://[::1]:7').host, '::1');
  t.equal(serverName({ host: '::1', port: 7 }), '[::1]:7');
  t.same(connectionOptions(parseRedisUrl('rediss://host')).tls, {});
  t.notOk('tls' in connectionOptions(parseRedisUrl('redis://host')));
  for (const bad of ['', 'secret', 'http://secret', 'redis://secret:x', 'redis://secret/db', 'redis://host/12345']) {
    t.throws(() => parseRedisUrl(bad), { message: /^(?!.*secret).*must be redis/ }, bad);
  }
  t.end();
});

test('Sentinels take the place of host and port, each attempt begins with another one', (t) => {
  const sentinels = { addresses: ['a', 'b:1', '[::1]:2'], master: 'main', password: 'p' };
  const address = parseRedisUrl('rediss://user:secret@ignored:5/3', sentinels);
  const [a, b, c] = [
    { host: 'a', port: 26_379 },
    { host: 'b', port: 1 },
    { host: '::1', port: 2 },
  ];
  const options = connectionOptions(address);
  t.match(options, { sentinels: [a, b, c], name: 'main', sentinelPassword: 'p', password: 'secret', db: 3, tls: {} });
  t.match(options, { enableTLSForSentinelMode: true, sentinelTLS: {} });
  t.notOk('host' in options);
  t.match(connectionOptions(address, 4), { sentinels: [b, c, a] });
  t.notOk('tls' in connectionOptions(parseRedisUrl('redis://h', sentinels)));
  t.end();
});

test('the slot of a channel is that of Redis', (t) => {
  t.equal(slotOf('123456789'), 0x31c3);
  t.equal(slotOf('synckit:doc:1'), slotOf('synckit:doc:1'));
  t.ok(Array.from({ length: 1_000 }, (_, i) => slotOf(`doc:${i}`)).every((slot) => slot >= 0 && slot < 16_384));
  t.end();
});

test('masters are read from the answer of a server, and other answers are refused', (t) => {
  const reply = [
    [0, 100, ['10.0.0.1', 7000, 'id', []], ['10.0.0.2', 7001, 'id', []]],
    [101, 16_383, [null, 7002, 'id']],
    [7, 7, ['', 7003, 'id']],
  ];
  t.same(readSlots(reply, 'asked'), [
    { first: 0, last: 100, host: '10.0.0.1', port: 7000 },
    { first: 101, last: 16_383, host: 'asked', port: 7002 },
    { first: 7, last: 7, host: 'asked', port: 7003 },
  ]);
  t.same(readSlots([], 'asked'), []);
  const bad = [
    undefined,
    'OK',
    [7],
    [[0, 16_384, ['h', 1]]],
    [[-1, 0, ['h', 1]]],
    [[0, 1]],
    [[0, 1, [7, 1]]],
    [[0, 1, ['h']]],
  ];
  for (const reply of bad) t.throws(() => readSlots(reply, 'asked'), /unexpected answer/);
  t.end();
});
