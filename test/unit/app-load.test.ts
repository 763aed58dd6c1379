// Finding and loading applications: module names, packages, kinds of export, TypeScript by every way it is read.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { loadApplication } from '../../dist/app/load.js';
import type { ApplicationSpec } from '../../dist/app/locate.js';
import { locateFile, locateModule } from '../../dist/app/locate.js';
import { isPython } from '../../dist/app/python/locate.js';
import { FastwsgiError } from '../../dist/base/errors.js';
import { FakeContext, FakeExchange } from '../helpers/fake-exchange.js';

const root = mkdtempSync(join(tmpdir(), 'app-load-'));
after(() => rmSync(root, { recursive: true }));

let folders = 0;

/** A new folder with these files in it. */
function folderOf(files: Readonly<Record<string, string>>): string {
  folders += 1;
  const folder = join(root, `app${folders}`);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

async function answer(spec: ApplicationSpec): Promise<string> {
  const application = await loadApplication(spec, new FakeContext());
  const exchange = new FakeExchange();
  await application.handle(exchange);
  return exchange.response.text;
}

function isLoadError(pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof FastwsgiError);
    assert.equal(error.code, 'ERR_APPLICATION_LOAD');
    assert.match(error.message, pattern);
    return true;
  };
}

const says = (text: string) =>
  `(environ, startResponse) => { startResponse('200 OK', []); return [${JSON.stringify(text)}]; }`;
const PACKAGE_JSON = { 'package.json': '{"type": "module"}' };

describe('locateModule', () => {
  test('maps dots to folders and tries the extensions in order', () => {
    const chdir = folderOf({ 'pkg/mod.mjs': '', 'pkg/mod.ts': '', 'both.js': '', 'both.py': '', 'typed.cts': '' });
    assert.deepEqual(locateModule('pkg.mod:app', chdir), { file: join(chdir, 'pkg/mod.mjs'), exportName: 'app' });
    assert.deepEqual(locateModule('both', chdir), { file: join(chdir, 'both.js'), exportName: undefined });
    assert.equal(locateModule('typed', chdir).file, join(chdir, 'typed.cts'));
  });

  test('takes a folder by its package.json or its index', () => {
    const chdir = folderOf({
      'exports/package.json':
        '{"exports": {".": {"types": "./x.d.ts", "import": {"default": "./lib/a.js"}}}, "main": "b.js"}',
      'exports/lib/a.js': '',
      'sugar/package.json': '{"exports": "./a.js"}',
      'sugar/a.js': '',
      'main/package.json': '{"main": "./lib/entry"}',
      'main/lib/entry.js': '',
      'broken-main/package.json': '{"main": "missing.js"}',
      'broken-main/index.cjs': '',
      'index/index.ts': '',
    });
    const file = (name: string) => locateModule(name, chdir).file.slice(chdir.length + 1);
    assert.equal(file('exports'), 'exports/lib/a.js');
    assert.equal(file('sugar'), 'sugar/a.js');
    assert.equal(file('main'), 'main/lib/entry.js');
    assert.equal(file('broken-main'), 'broken-main/index.cjs');
    assert.equal(file('index'), 'index/index.ts');
  });

  test('says everything it tried', () => {
    const chdir = folderOf({ 'app.js': '' });
    assert.throws(
      () => locateModule('pkg.mod', chdir),
      (error) => {
        assert.ok(error instanceof FastwsgiError);
        for (const name of [
          'mod.js',
          'mod.mjs',
          'mod.cjs',
          'mod.ts',
          'mod.mts',
          'mod.cts',
          'mod/package.json',
          'mod/index.js',
        ]) {
          assert.ok(error.message.includes(join(chdir, 'pkg', name)), `${name} is missing in ${error.message}`);
        }
        return error.code === 'ERR_APPLICATION_LOAD' && error.exitStatus === 22 && error.option === 'module';
      },
    );
  });

  test('knows a Python module, and names a file name and a name that is none', () => {
    const chdir = folderOf({ 'django/wsgi.py': '', 'flask/__init__.py': '', 'app.js': '', 'app.py': '' });
    const isPythons = (module: string) => isPython({ module, chdir });
    assert.deepEqual(['django.wsgi', 'flask:app', 'app', 'none'].map(isPythons), [true, true, false, false]);
    assert.deepEqual(
      ['a.py', 'a.wsgi', 'a.js'].map((file) => isPython({ file, chdir })),
      [true, true, false],
    );
    assert.deepEqual(
      [isPython({ module: 'app', kind: 'python', chdir }), isPython({ kind: 'wsgi', chdir })],
      [true, false],
    );
    assert.throws(() => locateModule('app.js', chdir), isLoadError(/use wsgi-file = app\.js/));
    for (const name of ['', ':app', 'app:', 'a..b', '../app', 'a/b']) {
      assert.throws(() => locateModule(name, chdir), isLoadError(/is no name like pkg\.mod:callable/));
    }
  });

  test('a broken package.json is an error with its cause', () => {
    const chdir = folderOf({ 'pkg/package.json': '{' });
    assert.throws(() => locateModule('pkg', chdir), isLoadError(/Cannot read .*package\.json/));
  });
});

test('locateFile takes a path from chdir, and says when there is nothing', () => {
  const chdir = folderOf({ 'a.js': '' });
  assert.deepEqual(locateFile('./a.js', chdir), { file: join(chdir, 'a.js'), exportName: undefined });
  assert.equal(locateFile(join(chdir, 'a.js'), '/').file, join(chdir, 'a.js'));
  assert.throws(() => locateFile('missing.js', chdir), isLoadError(/there is no file .*missing\.js/));
  assert.throws(() => locateFile('.', chdir), isLoadError(/there is no file/));
});

describe('loadApplication takes', () => {
  test('the export called application, then the default one', async () => {
    const chdir = folderOf({
      ...PACKAGE_JSON,
      'both.js': `export const application = ${says('named')}; export default ${says('default')};`,
      'default.js': `export default ${says('default')};`,
    });
    assert.equal(await answer({ module: 'both', chdir }), 'named');
    assert.equal(await answer({ module: 'default', chdir }), 'default');
    assert.equal(await answer({ module: 'both:default', chdir }), 'default');
  });

  test('the callable that is asked for, and no other', async () => {
    const chdir = folderOf({
      ...PACKAGE_JSON,
      'app.js': `export const a = ${says('a')}; export const b = ${says('b')}; export default ${says('default')};`,
    });
    assert.equal(await answer({ module: 'app:a', callable: 'b', chdir }), 'a');
    assert.equal(await answer({ module: 'app', callable: 'b', chdir }), 'b');
    assert.equal(await answer({ file: 'app.js', callable: 'a', chdir }), 'a');
    await assert.rejects(
      answer({ module: 'app:c', chdir }),
      isLoadError(/it has no export c; it exports a, b, default/),
    );
  });

  test('module.exports, its properties, and what compilers make of a default export', async () => {
    const chdir = folderOf({
      'function.cjs': `module.exports = ${says('function')};`,
      'property.cjs': `module.exports = { application: ${says('property')} };`,
      'hidden.cjs': `const name = 'app'; module.exports = { [name]: ${says('hidden')} };`,
      'compiled.cjs': `Object.defineProperty(exports, '__esModule', { value: true }); exports.default = ${says('compiled')};`,
    });
    assert.equal(await answer({ module: 'function', chdir }), 'function');
    assert.equal(await answer({ module: 'property', chdir }), 'property');
    assert.equal(await answer({ module: 'hidden:app', chdir }), 'hidden');
    assert.equal(await answer({ module: 'compiled', chdir }), 'compiled');
  });

  test('a factory, also an asynchronous one, by name()', async () => {
    const chdir = folderOf({
      ...PACKAGE_JSON,
      'app.js': `export const create = () => ${says('made')}; export const later = async () => ${says('later')}; export const no = 1;`,
    });
    assert.equal(await answer({ module: 'app:create()', chdir }), 'made');
    assert.equal(await answer({ module: 'app', callable: 'later()', chdir }), 'later');
    await assert.rejects(answer({ module: 'app:no()', chdir }), isLoadError(/no is no function/));
  });

  test('nothing from a module that exports nothing, or no function, and says so', async () => {
    const chdir = folderOf({ ...PACKAGE_JSON, 'empty.js': '', 'text.js': 'export const application = "x";' });
    await assert.rejects(
      answer({ module: 'empty', chdir }),
      isLoadError(/neither an export application nor a default one, and does not call listen\(\); it exports nothing/),
    );
    await assert.rejects(answer({ module: 'text', chdir }), isLoadError(/got a value of type string/));
    await assert.rejects(answer({ chdir }), isLoadError(/set module or wsgi-file/));
  });

  test('an error of the application with its stack', async () => {
    const chdir = folderOf({
      ...PACKAGE_JSON,
      'throws.js': 'function deep() { throw new RangeError("at import"); }\ndeep();',
      'syntax.js': 'export const application = (;',
      'missing.js': 'import "./not-there.js";',
    });
    await assert.rejects(answer({ module: 'throws', chdir }), (error) => {
      isLoadError(/Cannot load .*throws\.js: at import/)(error);
      const { cause } = error as Error;
      assert.ok(cause instanceof RangeError);
      assert.match(cause.stack ?? '', /at deep .*throws\.js:1/);
      return true;
    });
    await assert.rejects(answer({ module: 'syntax', chdir }), isLoadError(/syntax\.js: Unexpected token/));
    await assert.rejects(answer({ module: 'missing', chdir }), isLoadError(/not-there\.js/));
  });
});

describe('a syntax error', () => {
  const chdir = () =>
    folderOf({
      ...PACKAGE_JSON,
      'broken.js': 'export const a = 1;\n\nexport function application( {\n  return 1; }\n',
      'nested.js': 'import "./broken.js";',
      'common.cjs': '\nlet a; let a;',
      'names.js': 'import { missing } from "./runs.js";',
      'runs.js': 'JSON.parse("{");',
      'a b.mjs': '\n\n\n)',
    });

  for (const [file, place, source] of [
    ['broken.js', 'broken.js:4', 'return 1; }'],
    ['nested.js', 'broken.js:4', 'return 1; }'],
    ['common.cjs', 'common.cjs:2', 'let a; let a;'],
    ['names.js', 'names.js:1', 'import { missing } from'],
    ['a b.mjs', 'a b.mjs:4', ')'],
  ] as const) {
    test(`of ${file} is told with its place and its source line`, async () => {
      const folder = chdir();
      await assert.rejects(answer({ file, chdir: folder }), (error) => {
        assert.ok(error instanceof FastwsgiError && error.cause instanceof SyntaxError);
        assert.equal(
          error.message,
          `Cannot load ${join(folder, file)}: ${error.cause.message} (${join(folder, place)})`,
        );
        const [where = '', line = '', mark = ''] = (error.cause.stack ?? '').split('\n');
        assert.ok(where.endsWith(`/${place}`), where);
        assert.ok(line.includes(source), line);
        assert.match(mark, /^ *\^+ *$/);
        assert.match(error.cause.stack ?? '', /^SyntaxError: /m);
        return true;
      });
    });
  }

  test('that the application throws as it runs has its own stack, and no place of ours', async () => {
    await assert.rejects(answer({ file: 'runs.js', chdir: chdir() }), (error) => {
      assert.ok(error instanceof FastwsgiError && error.cause instanceof SyntaxError);
      assert.doesNotMatch(error.message, /runs\.js:1/);
      assert.match(error.cause.stack ?? '', /^SyntaxError: .*\n {4}at JSON\.parse .*\n {4}at .*runs\.js:1/);
      return true;
    });
  });
});

describe('app-kind', () => {
  const chdir = () => folderOf({ ...PACKAGE_JSON, 'app.js': `export const application = ${says('wsgi')};` });

  test('wsgi is taken by name and by what the export is', async () => {
    assert.equal(await answer({ module: 'app', kind: 'wsgi', chdir: chdir() }), 'wsgi');
    const application = await loadApplication({ module: 'app', chdir: chdir() }, new FakeContext());
    assert.deepEqual([application.kind, application.concurrency], ['wsgi', 1]);
  });

  test('fetch is what has a method fetch, or a function that is called so', async () => {
    const fetches = folderOf({
      ...PACKAGE_JSON,
      'hono.js': 'export default { fetch() {} };',
      'plain.js': 'export default () => {};',
    });
    const kinds = [];
    for (const spec of [{ module: 'hono' }, { module: 'hono', kind: 'fetch' }, { module: 'plain', kind: 'fetch' }]) {
      const { kind, concurrency } = await loadApplication({ ...spec, chdir: fetches }, new FakeContext());
      kinds.push(`${kind} ${concurrency}`);
    }
    assert.deepEqual(kinds, ['fetch 64', 'fetch 64', 'fetch 64']);
    await assert.rejects(
      loadApplication({ module: 'hono', kind: 'wsgi', chdir: fetches }, new FakeContext()),
      isLoadError(/The export is no application/),
    );
  });

  test('a router that answers to every name is no promise', async () => {
    const proxy = 'export default { __proto__: new Proxy({}, { get: () => () => {} }), fetch: () => new Response() };';
    const routers = folderOf({ ...PACKAGE_JSON, 'router.js': proxy });
    const { kind } = await loadApplication({ module: 'router', chdir: routers }, new FakeContext());
    assert.equal(kind, 'fetch');
  });

  test('an unknown one is an error that names those there are', async () => {
    await assert.rejects(
      answer({ module: 'app', kind: 'rack', chdir: chdir() }),
      isLoadError(/no kind "rack".*there is fetch, node, wsgi/),
    );
  });
});

// TypeScript is read in a worker thread, as in the server, of a process of its own: a transpiler stays registered. The
// code under test is a copy in a folder of its own, which sees no transpiler but those that the test puts there.
describe('TypeScript', () => {
  const here = dirname(fileURLToPath(import.meta.url));
  const ours = createRequire(import.meta.url);
  const copy = join(root, 'copy');
  for (const part of ['app', 'base', 'protocol']) {
    cpSync(join(here, '../../dist', part), join(copy, 'dist', part), { recursive: true });
  }
  writeFileSync(join(copy, 'package.json'), '{"type": "module"}');
  writeFileSync(
    join(copy, 'run.js'),
    `import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
     import { loadApplication } from './dist/app/load.js';
     if (isMainThread) {
       const worker = new Worker(new URL(import.meta.url), { workerData: JSON.parse(process.argv[2]) });
       worker.on('message', (message) => console.log(message));
     } else {
       const said = await loadApplication(workerData, { log() {} }).then(say, (error) => error.code + ' ' + error.message);
       parentPort.postMessage(said);
     }
     function say(application) {
       let text = '';
       const response = { headSent: false, aborted: false, head() {}, write() {}, end(chunk) { text = chunk; } };
       const exchange = { packet: Buffer.alloc(0), varsStart: 0, varsEnd: 0, body: {}, response, core: 0, onAbort: null };
       application.handle(exchange);
       return text;
     }`,
  );

  async function load(spec: ApplicationSpec): Promise<string> {
    const { stdout } = await promisify(execFile)(process.execPath, [join(copy, 'run.js'), JSON.stringify(spec)]);
    return stdout.trim();
  }

  function install(folder: string, name: 'tsx' | 'esbuild'): void {
    const from = name === 'tsx' ? ours : createRequire(ours.resolve('tsx/package.json'));
    mkdirSync(join(folder, 'node_modules'), { recursive: true });
    symlinkSync(dirname(from.resolve(`${name}/package.json`)), join(folder, 'node_modules', name));
  }

  const ERASABLE = {
    ...PACKAGE_JSON,
    'app.ts': `import type { X } from 'nowhere';
      import { text } from './text.ts';
      export const application = (_e: unknown, start: (status: string, headers: X[]) => void) => { start('200', []); return [text]; };`,
    'text.ts': `export const text: string = 'erased';`,
  };
  const FULL = {
    ...PACKAGE_JSON,
    'app.mts': `import { Text } from './text.js';
      enum Status { Ok = '200' }
      class App { constructor(private readonly text: string) {} run = (_e: unknown, start: Function) => { start(Status.Ok, []); return [this.text]; } }
      export const application = new App(Text.value).run;`,
    'text.ts': `export namespace Text { export const value = 'transpiled'; }`,
  };
  const JS_NAMES = { ...ERASABLE, 'app.ts': ERASABLE['app.ts'].replace('./text.ts', './text.js') };
  const strips = Boolean(Reflect.get(process.features, 'typescript'));

  test('of types only is read by Node itself, or asks for a transpiler', async () => {
    const chdir = folderOf(ERASABLE);
    const said = await load({ module: 'app', chdir });
    if (strips) assert.equal(said, 'erased');
    else assert.match(said, /^ERR_APPLICATION_LOAD .*does not read TypeScript: install tsx or esbuild/);
  });

  for (const name of ['tsx', 'esbuild'] as const) {
    test(`is read through ${name} beside the application`, async () => {
      for (const [files, expected] of [
        [ERASABLE, 'erased'],
        [JS_NAMES, 'erased'],
        [FULL, 'transpiled'],
      ] as const) {
        const chdir = folderOf(files);
        install(chdir, name);
        assert.equal(await load({ module: 'app', chdir }), expected);
      }
    });
  }

  test('is read through a transpiler in chdir when the application lies elsewhere', async () => {
    const chdir = folderOf({});
    install(chdir, 'tsx');
    const app = folderOf(FULL);
    assert.equal(await load({ file: join(app, 'app.mts'), chdir }), 'transpiled');
  });

  test('that needs more than erasing, without a transpiler, is an error', async () => {
    assert.match(await load({ module: 'app', chdir: folderOf(FULL) }), /^ERR_APPLICATION_LOAD /);
  });

  test('in CommonJS is read too', async () => {
    const chdir = folderOf({
      'app.cts': `const text: string = 'common'; module.exports = (_e: unknown, s: Function) => { s('200', []); return [text]; };`,
    });
    install(chdir, 'tsx');
    assert.equal(await load({ module: 'app', chdir }), 'common');
    const other = folderOf({
      'app.cts': `const text: string = 'common'; module.exports = (_e: unknown, s: Function) => { s('200', []); return [text]; };`,
    });
    install(other, 'esbuild');
    assert.equal(await load({ module: 'app', chdir: other }), 'common');
  });
});
