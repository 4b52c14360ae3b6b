import { test } from 'tap';
import { Addresses } from '../../../src/acceptor/addresses/addresses.js';

test('LIM6 X-Forwarded-For of an untrusted peer is ignored', (t) => {
  for (const trusted of [[], ['10.0.0.1'], ['10.1.0.0/16', '::1']]) {
    const addresses = new Addresses(trusted, { loopback: 0, others: 0 });
    t.equal(addresses.resolve('192.0.2.7', '203.0.113.5'.split(',')), '192.0.2.7');
    t.equal(addresses.resolve('192.0.2.7', '203.0.113.5, 10.0.0.1'.split(',')), '192.0.2.7');
  }
  t.end();
});

test('LIM6 the client is the last address of the chain that is no trusted proxy', (t) => {
  const addresses = new Addresses(['10.0.0.0/8', '2001:db8::/32'], { loopback: 0, others: 0 });
  t.equal(addresses.resolve('10.0.0.1', '203.0.113.5'.split(',')), '203.0.113.5');
  t.equal(
    addresses.resolve('10.0.0.1', '198.51.100.1, 203.0.113.5'.split(',')),
    '203.0.113.5',
    'the rest is what the client says',
  );
  t.equal(
    addresses.resolve('10.0.0.1', '203.0.113.5 ,10.9.9.9,2001:db8::9'.split(',')),
    '203.0.113.5',
    'through several proxies',
  );
  t.equal(addresses.resolve('2001:db8::1', '2001:db9::5'.split(',')), '2001:db9:0:0:0:0:0:5');
  t.equal(addresses.resolve('11.0.0.1', '203.0.113.5'.split(',')), '11.0.0.1', 'outside the range');
  t.end();
});

test('LIM6 where the chain ends or is malformed, the last proxy counts', (t) => {
  const addresses = new Addresses(['10.0.0.0/8'], { loopback: 0, others: 0 });
  t.equal(addresses.resolve('10.0.0.1', ''.split(',')), '10.0.0.1');
  t.equal(addresses.resolve('10.0.0.1', '10.0.0.2'.split(',')), '10.0.0.2');
  t.equal(addresses.resolve('10.0.0.1', 'unknown'.split(',')), '10.0.0.1');
  t.equal(addresses.resolve('10.0.0.1', '203.0.113.5, unknown, 10.0.0.3'.split(',')), '10.0.0.3');
  t.equal(addresses.resolve('10.0.0.1', ',,'.split(',')), '10.0.0.1');
  t.end();
});

test('LIM6 an IPv4 address is the same when it is written as IPv6', (t) => {
  const addresses = new Addresses(['10.0.0.1'], { loopback: 0, others: 0 });
  t.equal(addresses.resolve('0000:0000:0000:0000:0000:ffff:c000:0207', ''.split(',')), '192.0.2.7', 'as uWS writes it');
  t.equal(addresses.resolve('::ffff:192.0.2.7', ''.split(',')), '192.0.2.7');
  t.equal(addresses.resolve('0000:0000:0000:0000:0000:ffff:0a00:0001', '::FFFF:203.0.113.5'.split(',')), '203.0.113.5');
  t.equal(addresses.resolve('2001:0db8:0000:0000:0000:0000:0000:0001', ''.split(',')), '2001:db8:0:0:0:0:0:1');
  t.end();
});

test('LIM6 what is remembered of addresses is right, and bounded', (t) => {
  const addresses = new Addresses(['10.0.0.0/8'], { loopback: 0, others: 0 });
  for (let turn = 0; turn < 2; turn++) {
    t.equal(addresses.resolve('10.0.0.1', ['203.0.113.5', '10.0.0.2']), '203.0.113.5');
    t.equal(addresses.resolve('203.0.113.5', ['198.51.100.1']), '203.0.113.5');
    t.strictSame(addresses.lookUp('10.0.0.2:80'), { address: '10.0.0.2', isTrusted: true });
    t.strictSame(addresses.lookUp('nobody'), { address: undefined, isTrusted: false });
  }
  t.equal(addresses.known, 5);
  addresses.lookUp('x'.repeat(65));
  t.equal(addresses.known, 5, 'nothing long is remembered');
  for (let i = 0; i < 20_000; i++) addresses.lookUp(`2001:db8::${i.toString(16)}`);
  t.equal(addresses.known, 10_000);
  t.equal(addresses.resolve('10.0.0.1', ['203.0.113.5']), '203.0.113.5');
  t.end();
});

test('LIM6 connections of one address are counted until they close', (t) => {
  const addresses = new Addresses([], { loopback: 2, others: 2 });
  t.strictSame(
    ['a', 'a', 'a', 'b'].map((address) => addresses.enter(address)),
    [true, true, false, true],
  );
  addresses.leave('a');
  t.strictSame(
    ['a', 'a'].map((address) => addresses.enter(address)),
    [true, false],
    'who was refused did not count',
  );
  addresses.leave('c');
  t.equal(addresses.enter('c'), true);
  t.end();
});

test('LIM6 a limit of 0 is none', (t) => {
  const addresses = new Addresses([], { loopback: 0, others: 0 });
  for (let i = 0; i < 1_000; i++) if (!addresses.enter('a')) t.fail('refused');
  t.pass('all entered');
  t.end();
});
