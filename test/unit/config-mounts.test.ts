// The mount option: what it names, and what cannot be mounted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mountsOf } from '../../dist/config/mounts.js';
import { loadLines, makeFolder, warningsOf } from './config-fixture.js';

const folder = makeFolder();

test('a mount names a module, or a file by its ending', () => {
  const of = (value: string) => {
    const [mount] = mountsOf([{ name: '/x', value }], 'named');
    return [mount?.module, mount?.file, mount?.callable];
  };
  assert.deepEqual(of('pkg.mod'), ['pkg.mod', undefined, 'named']);
  assert.deepEqual(of('pkg.mod:app'), ['pkg.mod:app', undefined, 'named']);
  assert.deepEqual(of('sub/app.js'), [undefined, 'sub/app.js', 'named']);
  assert.deepEqual(of('sub/app.mts:own'), [undefined, 'sub/app.mts', 'own']);
  assert.deepEqual(of('admin.py'), [undefined, 'admin.py', 'named']);
});

test('a slash at the end of a prefix says nothing, and the first of two that are equal holds', () => {
  const mounts = mountsOf(
    [
      { name: '/', value: 'a' },
      { name: '/x/', value: 'b' },
      { name: '/x', value: 'c' },
    ],
    undefined,
  );
  assert.deepEqual(
    mounts.map(({ mountPoint, module }) => `${mountPoint}=${module}`),
    ['=a', '/x=b'],
  );
});

test('a prefix begins with a slash, and an application follows', () => {
  for (const value of ['x=app', '/x', '/x=', '/x=:name', 'host.name/x=app']) {
    assert.throws(() => loadLines([`mount = ${value}`], folder), /mount/);
  }
});

test('what is not used, or cannot be reached, is said', () => {
  const noticesOf = (...lines: string[]) => warningsOf(loadLines(lines, folder)).join('\n');
  assert.match(
    noticesOf('mount = /x=a', 'mount = /x/=b', 'manage-script-name = 1'),
    /mount.*not used: \/x is mounted already/,
  );
  assert.match(noticesOf('http = :1', 'mount = /x=a'), /mount.*not found by HTTP/);
  assert.doesNotMatch(noticesOf('http = :1', 'mount = /x=a', 'manage-script-name = 1'), /not found/);
  assert.doesNotMatch(noticesOf('socket = :1', 'mount = /x=a'), /not found/);
});
