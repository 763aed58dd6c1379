import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addressText } from '../../dist/front/uws/peer-vars.js';
import { addressText as bindText } from '../../dist/system/listen.js';

describe('addresses', () => {
  test('of clients are written as text', () => {
    const text = (...bytes: number[]): string => addressText(Uint8Array.from(bytes));
    assert.equal(text(), '');
    assert.equal(text(192, 0, 2, 1), '192.0.2.1');
    assert.equal(text(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), '::1');
    assert.equal(text(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0, 9), '2001:db8::ff:9');
    assert.equal(text(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1), '192.0.2.1');
  });

  test('of sockets are written as in a configuration, with the port that was bound', () => {
    assert.equal(bindText({ kind: 'tcp', host: '127.0.0.1', port: 0 }, 8000), '127.0.0.1:8000');
    assert.equal(bindText({ kind: 'tcp', host: '::1', port: 80 }), '[::1]:80');
    assert.equal(bindText({ kind: 'unix', path: '/run/x.sock' }), '/run/x.sock');
    assert.equal(bindText({ kind: 'abstract', name: 'x' }), '@x');
  });
});
