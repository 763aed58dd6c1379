// Which proxies are believed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TrustedAddresses } from '../../dist/base/trusted-addresses.js';

test('addresses and networks of both families', () => {
  const trusted = new TrustedAddresses(['10.0.0.0/8', '192.0.2.7', 'fd00::/8', '::1']);
  for (const each of ['10.0.0.0', '10.255.255.255', '192.0.2.7', 'fd12::1', '::1'])
    assert.ok(trusted.includes(each), each);
  for (const each of ['11.0.0.0', '192.0.2.8', 'fe80::1', '::2', 'nonsense', '10.0.0']) {
    assert.ok(!trusted.includes(each), each);
  }
});

test('the peer of a unix socket has no address, and is trusted', () => {
  assert.ok(new TrustedAddresses(['192.0.2.7']).includes(''));
});

test('* is everybody, an empty list nobody with an address', () => {
  assert.ok(new TrustedAddresses(['*']).includes('203.0.113.1'));
  assert.ok(!new TrustedAddresses([]).includes('203.0.113.1'));
});

test('a network of all bits or of none', () => {
  assert.ok(new TrustedAddresses(['0.0.0.0/0']).includes('203.0.113.1'));
  assert.ok(!new TrustedAddresses(['192.0.2.7/32']).includes('192.0.2.6'));
});

for (const wrong of [
  'localhost',
  '10.0.0.0/33',
  '::/129',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  '10.0.0.0/-1',
  'fe80::1%eth0',
  '10.0.0/8',
]) {
  test(`"${wrong}" is an error that names it`, () => {
    assert.throws(() => new TrustedAddresses([wrong]), new RegExp(`got "${wrong.replace(/[/.]/g, '\\$&')}"`));
  });
}
