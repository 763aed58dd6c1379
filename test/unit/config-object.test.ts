// The embedding API's options object: the same options, named in camelCase.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSocketAddress } from '../../dist/config/address.js';
import { configurationFromObject, type ServerOptions } from '../../dist/config/from-object.js';
import { behaviourOf, errorOf, loadLines, makeFolder, writeFiles } from './config-fixture.js';

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
    'Cannot parse option "listen" in the options: a string or a number is wanted, got a value of type object',
    'Cannot parse option "http" in the options: a port or an address is wanted, got null',
    'Cannot parse option "processes" in the options: a whole number of workers is wanted, got "x"',
  ]);
});

test('values are taken as they are, undefined ones not at all', () => {
  const env = { SECRET: 'a%(b)$(HOME)@(c)%d', UNSET: undefined };
  const { env: read, procname } = configurationFromObject({ env, procname: '%(SECRET)' } as object, folder, {
    HOME: '/h',
  });
  assert.deepEqual(read, { SECRET: 'a%(b)$(HOME)@(c)%d' });
  assert.equal(procname, '%(SECRET)');
});

test('a file that is included may use what the object sets', () => {
  writeFiles(folder, { 'part.ini': '[uwsgi]\nchdir = /srv/%(procname)\n' });
  assert.equal(fromObject({ procname: 'shop', ini: 'part.ini' }).chdir, '/srv/shop');
});

const WRONG: readonly (readonly [unknown, RegExp])[] = [
  [{ processes: [1, 2] }, /"processes" in the options: one value is wanted, got a list/],
  [{ master: null }, /"master" in the options: true or false is wanted, got null/],
  [{ http: -1 }, /"http" in the options: a port or an address is wanted, got -1/],
  [{ http: 1.5 }, /a port or an address is wanted, got 1\.5/],
  [{ http: { kind: 'bogus', port: 1 } }, /a port or an address is wanted, got a value of type object/],
  [{ http: { kind: 'tcp', host: 'a' } }, /a port or an address is wanted/],
  [{ chmodSocket: 0o664 }, /"chmodSocket" .*octal digits in a string are wanted, such as '664', got 436/],
  [{ umask: 18 }, /"umask" .*octal digits in a string are wanted/],
  [{ env: { A: null } }, /"env\.A" in the options: a string is wanted, got null/],
  [{ env: { 'A=B': 'c' } }, /"env" in the options: "A=B" cannot be a name/],
  [{ module: '' }, /^Cannot parse option "module" in the options: a value is wanted$/],
  [{ module: () => {} }, /"module" .*got a value of type function/],
  [{ showConfig: true }, /^Unknown option "showConfig" in the options: it has no meaning in an object$/],
  [{ for: 'a b' }, /^Unknown option "for" in the options: it has no meaning in an object$/],
  [null, /^Cannot read the options: an object is wanted, got null$/],
  [[], /^Cannot read the options: an object is wanted, got a list$/],
  ['a.ini', /^Cannot read the options: an object is wanted, got a value of type string$/],
];

for (const [options, message] of WRONG) {
  test(`${JSON.stringify(options)} is an error`, () => {
    assert.match(errorOf(() => fromObject(options as ServerOptions)).message, message);
  });
}
