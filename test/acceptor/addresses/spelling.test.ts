import { test } from 'tap';
import { AddressRates } from '../../../src/acceptor/addresses/address-rates.js';
import { Addresses } from '../../../src/acceptor/addresses/addresses.js';
import { forwardedFor, type ForwardedHeader } from '../../../src/acceptor/addresses/forwarded.js';
import { canonicalAddress, customerOf, isLoopback } from '../../../src/acceptor/addresses/spelling.js';

test('LIM6 every spelling of an address is one address', (t) => {
  const spellings: Record<string, string[]> = {
    '192.0.2.7': [
      '192.0.2.7',
      ' 192.0.2.7 ',
      '192.0.2.7:4711',
      '::ffff:192.0.2.7',
      '::FFFF:c000:0207',
      '[::ffff:192.0.2.7]:80',
      '0000:0000:0000:0000:0000:ffff:c000:0207',
      '"192.0.2.7:4711"',
    ],
    '2001:db8:0:0:0:0:0:1': [
      '2001:db8::1',
      '2001:0DB8:0000:0000:0000:0000:0000:0001',
      '2001:db8:0:0::1',
      '[2001:db8::1]',
      '"[2001:db8::1]:4711"',
      '2001:db8::0.0.0.1',
    ],
    'fe80:0:0:0:0:0:0:1': ['fe80::1%eth0', '[fe80::1%25eth0]:1'],
    '0:0:0:0:0:0:0:1': ['::1', '[::1]:1'],
    '0:0:0:0:0:0:0:0': ['::'],
  };
  for (const [one, all] of Object.entries(spellings))
    for (const text of all) t.equal(canonicalAddress(text), one, text);
  for (const text of ['', 'unknown', '_hidden', '1.2.3', '1.2.3.4.5', '01.2.3.4', '[1::2', '1::2::3', '1.2.3.4:x']) {
    t.equal(canonicalAddress(text), undefined, text);
  }
  t.end();
});

test('LIM6 what one customer holds is one client', (t) => {
  const addresses = new Addresses([], { loopback: 0, others: 2 });
  const resolved = ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', '2001:DB8:1:2:a:b:c:d', '2001:db8:1:3::1'].map((peer) =>
    addresses.resolve(peer, []),
  );
  t.same(
    resolved.map((address) => addresses.enter(address)),
    [true, true, false, true],
  );
  t.equal(customerOf('192.0.2.7'), '192.0.2.7');
  t.end();
});

test('LIM6 loopback addresses have limits of their own', (t) => {
  const addresses = new Addresses([], { loopback: 0, others: 1 });
  for (const address of ['127.0.0.1', '127.9.9.9', '0:0:0:0:0:0:0:1']) {
    t.ok(isLoopback(address));
    t.same([addresses.enter(address), addresses.enter(address)], [true, true]);
  }
  t.same([addresses.enter('10.0.0.1'), addresses.enter('10.0.0.1')], [true, false]);
  const rates = new AddressRates({ loopback: 0, others: 1 });
  const passed = (address: string) => Array.from({ length: 20 }, () => rates.take(address, 0)).filter(Boolean).length;
  t.same([passed('127.0.0.1'), passed('10.0.0.1'), passed('10.0.0.2')], [20, 5, 5]);
  t.equal(rates.take('10.0.0.1', 1_000), true);
  t.end();
});

function chain(header: ForwardedHeader, ...lines: [name: string, value: string][]): string[] {
  const request = { forEach: (take: (name: string, value: string) => void) => lines.forEach(([n, v]) => take(n, v)) };
  return forwardedFor(request, header).map((text) => canonicalAddress(text) ?? text);
}

test('LIM6 all lines of the header count, and no other header', (t) => {
  const xff = 'x-forwarded-for';
  t.same(chain(xff, [xff, '203.0.113.9'], ['host', 'x'], [xff, '198.51.100.1, 192.0.2.7:80']), [
    '203.0.113.9',
    '198.51.100.1',
    '192.0.2.7',
  ]);
  t.same(chain(xff, ['forwarded', 'for=203.0.113.9']), []);
  t.same(chain('forwarded', [xff, '203.0.113.9']), []);
  t.same(
    chain(
      'forwarded',
      ['forwarded', 'For="[2001:db8::1]:4711";proto=http, for=192.0.2.60;by=203.0.113.43'],
      ['forwarded', 'proto=https;for="_hidden, \\"x", host=a'],
    ),
    ['2001:db8:0:0:0:0:0:1', '192.0.2.60', '"_hidden, \\"x"', ''],
  );
  t.end();
});
