// Which application a request is for, and what it sees of its place: the rules of uWSGI.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { Application } from '../../dist/app/exchange.js';
import { loadApplications } from '../../dist/app/mounts.js';
import { FakeContext, FakeExchange } from '../helpers/fake-exchange.js';

const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-mounts-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const WSGI = `export const application = (environ, start) => {
  start('200 OK', []);
  return [JSON.stringify([SELF, environ.SCRIPT_NAME, environ.PATH_INFO])];
};`;
const FETCH = `export default { fetch: (request, { environ }) => Response.json([SELF, environ.SCRIPT_NAME, environ.PATH_INFO, request.url]) };`;
const FILES = { 'root.mjs': WSGI, 'a.mjs': WSGI, 'b.mjs': FETCH, 'broken.mjs': 'throw new Error("it breaks")' };
for (const [file, text] of Object.entries(FILES)) {
  writeFileSync(join(folder, file), text.replace('SELF', `'${file.slice(0, -4)}'`));
}

const none: Application = {
  kind: 'wsgi',
  concurrency: 1,
  handle() {
    throw new Error('stands in');
  },
};

async function load(mounts: Readonly<Record<string, string>>, manageScriptName: boolean, errors: unknown[] = []) {
  const specs = Object.entries(mounts).map(([mountPoint, module]) => ({ mountPoint, module, chdir: folder }));
  const onLoadError = (error: unknown) => {
    errors.push(error);
    return none;
  };
  return await loadApplications(specs, new FakeContext(), { manageScriptName, onLoadError });
}

async function ask(application: Application, path: string, scriptName?: string): Promise<unknown> {
  const vars = { HTTP_HOST: 'h', PATH_INFO: path, REQUEST_URI: path };
  const exchange = new FakeExchange({ vars: scriptName === undefined ? vars : { ...vars, SCRIPT_NAME: scriptName } });
  await application.handle(exchange);
  return JSON.parse(exchange.response.text);
}

describe('with manage-script-name', () => {
  const cases: readonly (readonly [string, string, readonly unknown[]])[] = [
    ['a path below a prefix', '/a/x', ['a', '/a', '/x']],
    ['the prefix itself', '/a', ['a', '/a', '']],
    ['the prefix and a slash', '/a/', ['a', '/a', '/']],
    ['the longest of two prefixes', '/a/b/c', ['b', '/a/b', '/c', 'http://h/c']],
    ['the longest itself', '/a/b', ['b', '/a/b', '', 'http://h/']],
    ['no prefix but at a slash', '/ab', ['root', '', '/ab']],
    ['nor one of another case', '/A/x', ['root', '', '/A/x']],
    ['the root', '/', ['root', '', '/']],
  ];
  for (const [name, path, expected] of cases) {
    test(`${name}: ${path}`, async () => {
      const application = await load({ '': 'root', '/a': 'a', '/a/b': 'b' }, true);
      assert.deepEqual(await ask(application, path, ''), expected);
    });
  }

  test('a SCRIPT_NAME of the web server gives way to the path, and holds where the path says nothing', async () => {
    const application = await load({ '': 'root', '/a': 'a', '/a/b': 'b' }, true);
    assert.deepEqual(await ask(application, '/a/x', '/a/b'), ['a', '/a', '/x']);
    assert.deepEqual(await ask(application, '/x', '/a'), ['a', '/a', '/x']);
    assert.deepEqual(await ask(application, '/x', '/elsewhere'), ['root', '/elsewhere', '/x']);
  });
});

describe('without manage-script-name', () => {
  test('SCRIPT_NAME says which application it is, and nothing is moved', async () => {
    const application = await load({ '': 'root', '/a': 'a', '/a/b': 'b' }, false);
    assert.deepEqual(await ask(application, '/a/x', '/a'), ['a', '/a', '/a/x']);
    assert.deepEqual(await ask(application, '/a/b/x', '/a/b/'), ['b', '/a/b/', '/a/b/x', 'http://h/a/b/x']);
    assert.deepEqual(await ask(application, '/a/x', ''), ['root', '', '/a/x']);
    assert.deepEqual(await ask(application, '/a/x'), ['root', null, '/a/x']);
    assert.deepEqual(await ask(application, '/a/x', '/a/c'), ['root', '/a/c', '/a/x']);
  });
});

describe('several applications', () => {
  test('run as many requests as the most careful of them bears, and have all their kinds', async () => {
    const both = await load({ '/a': 'a', '/b': 'b' }, true);
    assert.deepEqual([both.kind, both.concurrency], ['wsgi+fetch', 1]);
    const one = await load({ '': 'b', '/b': 'b' }, true);
    assert.deepEqual([one.kind, one.concurrency], ['fetch', 64]);
  });

  test('and none at the root: what is for none of them fails', async () => {
    const application = await load({ '/a': 'a' }, true);
    assert.deepEqual(await ask(application, '/a/x'), ['a', '/a', '/x']);
    await assert.rejects(ask(application, '/b'), /No application is mounted there/);
  });

  test('of which one does not load: it is named by its mount point, and the others serve', async () => {
    const errors: unknown[] = [];
    const application = await load({ '': 'root', '/broken': 'broken', '/gone': 'gone' }, true, errors);
    assert.match(String(errors[0]), /At mount point \/broken: Cannot load .*broken\.mjs: it breaks/);
    assert.match(String(errors[1]), /At mount point \/gone: .*found no file for module "gone"/);
    assert.deepEqual(await ask(application, '/x'), ['root', null, '/x']);
    await assert.rejects(ask(application, '/broken/x'), /stands in/);
  });

  test('that are one at the root cost nothing', async () => {
    assert.equal((await load({ '': 'a' }, true)).constructor.name, 'WsgiHandler');
  });
});
