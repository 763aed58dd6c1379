import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEnviron } from '../../dist/app/wsgi/environ.js';
import { WsgiErrors } from '../../dist/app/wsgi/errors.js';
import { WsgiInput } from '../../dist/app/wsgi/input.js';
import type { WsgiEnviron } from '../../dist/app/wsgi/types.js';
import { FakeContext, FakeExchange } from '../helpers/fake-exchange.js';

function environOf(vars: Record<string, string>): WsgiEnviron {
  const context = new FakeContext();
  const exchange = new FakeExchange({ vars });
  return createEnviron(exchange, new WsgiInput(exchange.body), { errors: new WsgiErrors(() => {}), context });
}

test('environ holds every variable and every key that PEP 3333 and uWSGI name', () => {
  const environ = environOf({ HTTP_HOST: 'a.example', HTTP_X_LATIN: 'caf\u00e9', CONTENT_LENGTH: '' });
  const { 'wsgi.input': input, 'wsgi.errors': errors, 'wsgi.file_wrapper': wrapper, ...rest } = environ;
  assert.deepEqual(rest, {
    REQUEST_METHOD: 'GET',
    PATH_INFO: '/',
    QUERY_STRING: '',
    HTTP_HOST: 'a.example',
    HTTP_X_LATIN: 'caf\u00e9',
    CONTENT_LENGTH: '',
    'wsgi.version': [1, 0],
    'wsgi.url_scheme': 'http',
    'wsgi.multithread': true,
    'wsgi.multiprocess': false,
    'wsgi.run_once': false,
    'uwsgi.version': '1.2.3',
    'uwsgi.node': 'test-node',
    'uwsgi.core': 3,
  });
  assert.equal(typeof input.read, 'function');
  assert.equal(typeof errors.write, 'function');
  assert.equal(typeof wrapper, 'function');
});

test('environ is a plain dictionary: no inherited names, and JSON holds only plain values', () => {
  const environ = environOf({});
  assert.equal('toString' in environ, false);
  assert.equal(environ.constructor, undefined);
  const json = JSON.parse(JSON.stringify(environ));
  assert.deepEqual([json['wsgi.input'], json['wsgi.errors'], json['wsgi.file_wrapper']], [{}, {}, undefined]);
});

test('a variable called __proto__ is a key like any other', () => {
  const environ = environOf(Object.fromEntries([['__proto__', 'x']]));
  assert.ok(Object.hasOwn(environ, '__proto__'));
  assert.equal('toString' in environ, false);
});

test('a variable does not replace a key of the server', () => {
  const environ = environOf({ 'wsgi.input': 'fake', 'wsgi.url_scheme': 'gopher', 'uwsgi.core': '99' });
  assert.equal(typeof environ['wsgi.input'], 'object');
  assert.deepEqual([environ['wsgi.url_scheme'], environ['uwsgi.core']], ['http', 3]);
});

test('wsgi.url_scheme follows UWSGI_SCHEME, then X-Forwarded-Proto, then HTTPS', () => {
  const scheme = (vars: Record<string, string>) => environOf(vars)['wsgi.url_scheme'];
  assert.equal(scheme({}), 'http');
  for (const HTTPS of ['on', 'ON', '1']) assert.equal(scheme({ HTTPS }), 'https');
  for (const HTTPS of ['', 'off', '0', 'no']) assert.equal(scheme({ HTTPS }), 'http');
  assert.equal(scheme({ HTTP_X_FORWARDED_PROTO: 'https' }), 'https');
  assert.equal(scheme({ HTTP_X_FORWARDED_PROTO: 'http', HTTPS: 'on' }), 'http');
  assert.equal(scheme({ HTTP_X_FORWARDED_PROTO: '', HTTPS: 'on' }), 'https');
  assert.equal(scheme({ UWSGI_SCHEME: 'https', HTTP_X_FORWARDED_PROTO: 'http' }), 'https');
});

test('wsgi.errors logs whole lines, and the rest on flush', () => {
  const lines: string[] = [];
  const errors = new WsgiErrors((text) => lines.push(text));
  assert.equal(errors.write('one\ntw'), 6);
  assert.deepEqual(lines, ['one']);
  errors.writelines(['o\n', 'three\nfour\nfi', 've']);
  assert.deepEqual(lines, ['one', 'two', 'three\nfour']);
  errors.flush();
  errors.flush();
  assert.deepEqual(lines, ['one', 'two', 'three\nfour', 'five']);
});

test('wsgi.errors does not keep a line without end for ever', () => {
  const lines: string[] = [];
  const errors = new WsgiErrors((text) => lines.push(text));
  for (let i = 0; i < 10; i += 1) errors.write('x'.repeat(10_000));
  assert.equal(lines.length, 1);
});
