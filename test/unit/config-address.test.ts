// Socket addresses: every form uWSGI has, and what is refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FastwsgiError } from '../../dist/base/errors.js';
import { formatSocketAddress, parseSocketAddress } from '../../dist/config/address.js';

const FORMS = [
  [':9999', { kind: 'tcp', host: '0.0.0.0', port: 9999 }],
  ['9999', { kind: 'tcp', host: '0.0.0.0', port: 9999 }],
  ['*:80', { kind: 'tcp', host: '0.0.0.0', port: 80 }],
  [':0', { kind: 'tcp', host: '0.0.0.0', port: 0 }],
  ['127.0.0.1:3031', { kind: 'tcp', host: '127.0.0.1', port: 3031 }],
  ['my-host.example:65535', { kind: 'tcp', host: 'my-host.example', port: 65535 }],
  ['[::1]:80', { kind: 'tcp', host: '::1', port: 80 }],
  ['[fe80::1%eth0]:80', { kind: 'tcp', host: 'fe80::1%eth0', port: 80 }],
  ['/run/app.sock', { kind: 'unix', path: '/run/app.sock' }],
  ['/run/a:1.sock', { kind: 'unix', path: '/run/a:1.sock' }],
  ['./a:1.sock', { kind: 'unix', path: './a:1.sock' }],
  ['../a.sock', { kind: 'unix', path: '../a.sock' }],
  ['run/app.sock', { kind: 'unix', path: 'run/app.sock' }],
  ['app.sock', { kind: 'unix', path: 'app.sock' }],
  ['@app', { kind: 'abstract', name: 'app' }],
  [`/${'a'.repeat(106)}`, { kind: 'unix', path: `/${'a'.repeat(106)}` }],
] as const;

for (const [text, address] of FORMS) {
  test(`reads the address ${text.slice(0, 30)}, and its printed form is the same address`, () => {
    assert.deepEqual(parseSocketAddress(text), address);
    assert.deepEqual(parseSocketAddress(formatSocketAddress(address)), address);
  });
}

const REFUSED = [
  ['', /an address is wanted/],
  ['localhost:http', /a port is wanted after the colon/],
  ['localhost:', /a port is wanted after the colon/],
  [':65536', /at most 65535/],
  ['99999', /at most 65535/],
  ['::1:80', /written \[::1\]:80/],
  ['[::1]', /written \[::1\]:8000/],
  ['[localhost]:80', /written \[::1\]:8000/],
  ['[1.2.3.4]:80', /only an IPv6 address stands in brackets/],
  ['unix:/run/app.sock', /its path alone/],
  ['unix:///run/app.sock', /its path alone/],
  ['http://localhost:80', /host:port without a scheme/],
  [':8000, :8001', /one address is wanted, each on a line of its own/],
  [':8000 :8001', /one address is wanted/],
  ['localhost', /a port is wanted after the host, such as localhost:8000/],
  ['127.0.0.1', /a port is wanted after the host/],
  ['*', /a port is wanted after the host/],
  ['a b:80', /a host is wanted/],
  ['@', /a name is wanted/],
  [`/${'a'.repeat(107)}`, /at most 107 bytes, got 108/],
  ['/run/a\0b', /no control character/],
  ['a\nb:80', /no control character/],
] as const;

for (const [text, reason] of REFUSED) {
  test(`refuses the address ${JSON.stringify(text).slice(0, 30)} and says what is wanted`, () => {
    assert.throws(
      () => parseSocketAddress(text),
      (error) => error instanceof FastwsgiError && error.code === 'ERR_ADDRESS' && reason.test(error.message),
    );
  });
}
