// Whom X-Forwarded-For names.
import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { ForwardedFor } from '../../dist/observe/forwarded-for.js';

const PROXY = '10.0.0.1';
const CLIENT = '203.0.113.9';

interface Case {
  readonly what: string;
  readonly header: string;
  readonly is: string;
  readonly from?: string;
  readonly proxies?: readonly string[];
}

const CASES: readonly Case[] = [
  { what: 'one entry', header: CLIENT, is: CLIENT },
  { what: 'what the client made up stands on the left', header: `1.2.3.4, ${CLIENT}`, is: CLIENT },
  { what: 'no header', header: '', is: PROXY },
  { what: 'proxies behind proxies', header: `1.2.3.4, ${CLIENT}, 10.0.0.7`, is: CLIENT, proxies: ['10.0.0.0/8'] },
  {
    what: 'nothing but proxies: the one farthest away',
    header: '10.0.0.9, 10.0.0.7',
    is: '10.0.0.9',
    proxies: ['10.0.0.0/8'],
  },
  {
    what: 'a peer that is no proxy',
    header: '1.2.3.4',
    is: '198.51.100.2',
    from: '198.51.100.2',
    proxies: ['10.0.0.0/8'],
  },
  { what: 'everybody is a proxy', header: `1.2.3.4, ${CLIENT}`, is: '1.2.3.4', proxies: ['*'] },
  { what: 'a unix socket', header: CLIENT, is: CLIENT, from: '', proxies: ['10.0.0.0/8'] },
  { what: 'a port', header: `${CLIENT}:4711`, is: CLIENT },
  { what: 'IPv6', header: '2001:db8::7', is: '2001:db8::7' },
  { what: 'IPv6 with a port', header: '[2001:db8::7]:4711', is: '2001:db8::7' },
  { what: 'unknown', header: 'unknown', is: PROXY },
  { what: 'a word to the left of an address', header: `unknown, ${CLIENT}`, is: CLIENT },
  { what: 'a word to the right of an address', header: `${CLIENT}, unknown`, is: PROXY },
  { what: 'a word behind a proxy', header: '<script>, 10.0.0.7', is: '10.0.0.7', proxies: ['10.0.0.0/8'] },
  { what: 'a line feed', header: '203.0.113.9\n1', is: PROXY },
  { what: 'an empty entry', header: `${CLIENT},`, is: PROXY },
  { what: 'commas alone', header: ',,,', is: PROXY },
];

for (const { what, header, is, from = PROXY, proxies = [] } of CASES) {
  test(`${what}: ${JSON.stringify(header)} is ${is}`, () => {
    assert.equal(new ForwardedFor(proxies).client(from, header), is);
  });
}

test('whatever stands in the header, the answer is an address that stands there, or the peer', () => {
  const entry = fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.constant(' '), fc.constant('10.0.0.3'));
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 6 }), fc.constantFrom([], ['10.0.0.0/8'], ['*']), (entries, proxies) => {
      const header = entries.join(',');
      const client = new ForwardedFor(proxies).client(PROXY, header);
      assert.ok(client === PROXY || (isIP(client) !== 0 && header.includes(client)), client);
    }),
    { numRuns: 3000 },
  );
});
