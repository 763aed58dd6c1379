// The package as npm makes it: what is in it, that it serves where it is installed, and that its types hold.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..', '..');
/** A project that has the packed package in its node_modules, and the packages it depends on as links. */
const project = mkdtempSync(join(tmpdir(), 'fastwsgi-package-'));
const installed = join(project, 'node_modules', 'fastwsgi-ts');
let packed: readonly string[] = [];

before(async () => {
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', project], {
    cwd: ROOT,
  });
  const [{ filename, files }] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }];
  packed = files.map(({ path }) => path);
  mkdirSync(installed, { recursive: true });
  await run('tar', ['-xzf', join(project, filename), '-C', installed, '--strip-components=1']);
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(join(ROOT, 'node_modules', name), join(project, 'node_modules', name));
  }
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }\n');
});
after(() => rmSync(project, { recursive: true }));

test('the package holds what it needs to serve, and no more', () => {
  const needed = ['README.md', 'LICENSE', 'CHANGELOG.md', 'package.json', 'config/uwsgi.ini', 'config/nginx.conf'];
  const built = [
    'dist/index.js',
    'dist/index.d.ts',
    'dist/cli.js',
    'dist/worker/entry.js',
    'dist/front/gateway/thread.js',
    'python/main.py',
    'python/fastwsgi_ts/child.py',
  ];
  for (const path of [...needed, ...built, 'config/apps/sample.mjs'])
    assert.ok(packed.includes(path), `${path} is missing`);
  const strange = packed.filter(
    (path) => !/^(dist|config|docs)\/|^[A-Z]+(\.md)?$|^python\/(fastwsgi_ts\/)?\w+\.py$|^package\.json$/.test(path),
  );
  assert.deepEqual(strange, []);
  assert.deepEqual(
    packed.filter((path) => /test|bench/.test(path)),
    [],
  );
  const bytes = packed.reduce((sum, path) => sum + statSync(join(installed, path)).size, 0);
  assert.ok(bytes < 4 * 2 ** 20, `${bytes} bytes`);
});

test('every file that package.json names is in the package, and the command runs', async () => {
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  const named: string[] = [
    manifest.bin['fastwsgi-ts'],
    manifest.main,
    manifest.types,
    ...Object.values(manifest.exports['.']),
  ];
  for (const path of named) assert.ok(packed.includes(join(path)), path);
  const command = join(installed, manifest.bin['fastwsgi-ts']);
  assert.match(readFileSync(command, 'utf8'), /^#!\/usr\/bin\/env node\n/);
  const { stdout } = await run(process.execPath, [command, '--version']);
  assert.equal(stdout, `fastwsgi-ts ${manifest.version}\n`);
  const check = [command, '--check', '-c', join(installed, 'config', 'uwsgi.ini')];
  assert.equal((await run(process.execPath, check)).stdout, 'The configuration is valid\n');
});

test('the installed package serves its sample application', async () => {
  writeFileSync(
    join(project, 'serve.js'),
    `import { createServer } from 'fastwsgi-ts';
     const server = createServer({
       chdir: ${JSON.stringify(join(installed, 'config', 'apps'))},
       module: 'sample:application', httpSocket: '127.0.0.1:0', httpEngine: 'node', disableLogging: true,
     });
     const [{ port }] = await server.listen();
     const response = await fetch('http://127.0.0.1:' + port, { headers: { Connection: 'close' } });
     console.log(response.status, await response.text());
     await server.close();`,
  );
  const { stdout } = await run(process.execPath, [join(project, 'serve.js')], { timeout: 20_000 });
  assert.equal(stdout, '200 Hello, world\n\n');
});

const CONSUMER = `
import { createServer, FastwsgiError, type FastwsgiServer, type ServerOptions } from 'fastwsgi-ts';
import type { BoundAddress, Chunk, StartResponse, WsgiApplication, WsgiBody, WsgiEnviron } from 'fastwsgi-ts';

const options: ServerOptions = { module: 'app:application', httpSocket: ':8000', socket: ['/run/a.sock', 9999], env: { A: 'b' } };
const server: FastwsgiServer = createServer({ ...options, processes: 2, httpEngine: 'node', vacuum: true });
const addresses: readonly BoundAddress[] = await server.listen();
const port: number | undefined = addresses[0]?.port;
const ended: FastwsgiError | undefined = await server.closed;
if (ended?.code === 'ERR_LISTEN') console.log(ended.option, ended.exitStatus, port, server.requests);
await server.close();

export const application: WsgiApplication = async (environ: WsgiEnviron, start: StartResponse): Promise<WsgiBody> => {
  const text: string = await environ['wsgi.input'].text();
  start('200 OK', [['Content-Type', 'text/plain']]);
  const chunk: Chunk = text + environ.REQUEST_METHOD + (environ.HTTP_HOST ?? '');
  return [chunk];
};

// @ts-expect-error: no option has this name
createServer({ proceses: 2 });
// @ts-expect-error: not one of the choices
createServer({ httpEngine: 'nginx' });
// @ts-expect-error: the addresses are read only
server.addresses = [];
// @ts-expect-error: no such code
if (ended?.code === 'ERR_NOTHING') console.log();
`;

/** The example of README's chapter on embedding. */
function readmeExample(): string {
  const chapter = readFileSync(join(ROOT, 'README.md'), 'utf8').split('\n## As a library\n')[1] ?? '';
  const example = /```js\n(.*?)```/s.exec(chapter)?.[1] ?? '';
  assert.match(example, /createServer\(/);
  return example;
}

test('a TypeScript project compiles against the package’s types, README’s example included', async () => {
  writeFileSync(join(project, 'consumer.ts'), CONSUMER);
  writeFileSync(join(project, 'readme.ts'), readmeExample());
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: 'ES2022',
    lib: ['ES2024', 'ESNext.Disposable'],
    module: 'NodeNext',
    types: ['node'],
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
  };
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: ['consumer.ts', 'readme.ts'] }),
  );
  const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const { stdout } = await run(process.execPath, [compiler, '-p', project]).catch((error: { stdout: string }) => error);
  assert.equal(stdout, '');
});
