// The embedding API's options object: the same options, named in camelCase.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSocketAddress } from '../../dist/config/address.js';
import { configurationFromObject, type ServerOptions } from '../../dist/config/from-object.js';
import { behaviourOf, errorOf, loadLines, makeFolder } from './config-fixture.js';

const folder = makeFolder();
const fromObject = (options: ServerOptions) => configurationFromObject(options, folder, {});

test('an object is the configuration of the same lines', () => {
  const options: ServerOptions = {
    httpSocket: [':8000', 8001],
    socket: parseSocketAddress('/run/app.sock'),
    module: 'app:application',
    processes: 2,
    threads: 4,
    bufferSize: '32k',
    limitPost: 1024,
    chmodSocket: '664',
    umask: '022',
    master: false,
    vacuum: true,
    httpEngine: 'node',
    appKind: 'wsgi',
    env: { A: '1', B: 2 },
    staticMap: { '/static': '/srv/static' },
    addHeader: ['A: 1', 'B: 2'],
    log4xx: true,
    httpKeepalive: false,
    chdir: undefined,
  };
  const lines = [
    'http-socket = :8000',
    'http-socket = 8001',
    'socket = /run/app.sock',
    'module = app:application',
    'processes = 2',
    'threads = 4',
    'buffer-size = 32k',
    'limit-post = 1024',
    'chmod-socket = 664',
    'umask = 022',
    'vacuum = true',
    'http-engine = node',
    'app-kind = wsgi',
    'env = A=1',
    'env = B=2',
    'static-map = /static=/srv/static',
    'add-header = A: 1',
    'add-header = B: 2',
    'log-4xx = true',
    'http-keepalive = false',
  ];
  assert.deepEqual(behaviourOf(fromObject(options)), behaviourOf(loadLines(lines, folder)));
});

test('no options are the defaults', () => {
  assert.deepEqual(behaviourOf(fromObject({})), behaviourOf(loadLines([], folder)));
});

test('an unknown name is an error that asks what was meant', () => {
  const wrong: object = { proceses: 2 };
  const error = errorOf(() => fromObject(wrong));
  assert.equal(error.code, 'ERR_OPTION');
  assert.equal(
    error.message,
    'Unknown option "proceses" in the options: no option has this name; did you mean "processes"?',
  );
  for (const name of ['help', 'max-requests', '__proto__x', 'toString']) {
    assert.match(errorOf(() => fromObject({ [name]: true } as object)).message, /Unknown option/);
  }
});

test('all wrong values are told at once', () => {
  const wrong: object = { processes: 'x', listen: {}, http: null };
  assert.deepEqual(errorOf(() => fromObject(wrong)).message.split('\n'), [
    'Cannot parse option "listen" in the options: a value of type object cannot be read',
    'Cannot parse option "http" in the options: a value of type object cannot be read',
    'Cannot parse option "processes" in the options: a whole number of workers is wanted, got "x"',
  ]);
});
