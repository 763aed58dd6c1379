// The command line as a shell sees it: what is printed where, and the exit status.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type RunningServer, runCli, startServer } from '../helpers/server.js';
import { APPS, ask, SOCKET_KINDS, startApp, TWINS } from './threads-client.js';

const ROOT = join(import.meta.dirname, '..', '..');

function addressOf(server: RunningServer): string {
  const where = server.uwsgi();
  return 'path' in where ? where.path : `${where.host}:${where.port}`;
}

/** A server that answers whatever comes with `reply`, or closes at once. */
async function answering(reply: Buffer | undefined, test: (address: string) => Promise<void>): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    if (reply === undefined) socket.resume().end();
    else socket.once('data', () => socket.end(reply));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await test(`127.0.0.1:${typeof address === 'object' ? address?.port : 0}`);
  await new Promise((resolve) => server.close(resolve));
}

test('--help and no arguments at all print the options, status 0', async () => {
  const [asked, bare] = await Promise.all([runCli({ args: ['--help'] }), runCli()]);
  assert.equal(asked.code, 0);
  assert.match(asked.output, /^Usage: fastwsgi-ts \[options\] \[FILE\.ini\]$/m);
  for (const name of ['--processes', '--http-queue', '--reload-mercy']) assert.ok(asked.output.includes(name), name);
  assert.deepEqual([bare.code, bare.output], [0, asked.output]);
});

test('--version prints the version of package.json', async () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  assert.deepEqual(await runCli({ args: ['--version'] }), {
    code: 0,
    signal: null,
    output: `fastwsgi-ts ${version}\n`,
  });
});

test('--show-config prints an INI file that is read as the same configuration', async () => {
  const ini = '[uwsgi]\nhttp = 127.0.0.1:0\nmodule = threads:application\nprocesses = 3\nenv = A=b\n';
  const shown = await runCli({ ini, args: ['--show-config', '--threads', '7'] });
  assert.equal(shown.code, 0);
  assert.match(shown.output, /^\[uwsgi\]$/m);
  assert.match(shown.output, /^threads = 7$/m);
  const again = await runCli({ ini: shown.output, args: ['--show-config'] });
  assert.equal(again.output, shown.output);
});

test('--check says whether the configuration would work, and starts nothing', async () => {
  const args = ['--check', '--chdir', APPS, '--http', '127.0.0.1:0'];
  assert.deepEqual(await runCli({ args: [...args, '--module', 'threads:application'] }), {
    code: 0,
    signal: null,
    output: 'The configuration is valid\n',
  });
  const wrong = await runCli({ args: [...args, '--module', 'missing:application'] });
  assert.equal(wrong.code, 1);
  assert.match(wrong.output, /missing/);
});

test('errors in a configuration are printed with file and line, and end with status 1', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-cli-'));
  const file = join(folder, 'app.ini');
  writeFileSync(file, '[uwsgi]\nhttp = 127.0.0.1:0\nharakiri = soon\nprocesses = many\n');
  const { code, output } = await runCli({ args: ['-c', file] });
  assert.equal(code, 1);
  assert.ok(output.includes(`Cannot parse option "harakiri" at ${file}:3`), output);
  assert.ok(output.includes(`Cannot parse option "processes" at ${file}:4`), output);
  assert.doesNotMatch(output, /\n {4}at /, 'no stack');
  rmSync(folder, { recursive: true });
});

test('an unreadable configuration, an unknown option and an unknown word are one line each, status 1', async () => {
  for (const [args, line] of [
    [
      ['-c', '/nowhere/app.ini'],
      'Cannot read configuration file "/nowhere/app.ini" on the command line: no such file or directory',
    ],
    [
      ['--proceses', '2'],
      'Unknown option "proceses" on the command line: no option has this name; did you mean "processes"?',
    ],
    [
      ['serve'],
      'Unknown argument "serve" on the command line: a file that ends with .ini is wanted; one of another name is written --ini FILE',
    ],
    [['--module', 'threads:application', '--chdir', APPS], 'There is nothing to listen on: set socket, http or https'],
    [
      ['--http', '127.0.0.1:0', '--chdir', '/nowhere'],
      'Cannot change to the directory /nowhere: no such file or directory',
    ],
    [
      ['--http', '127.0.0.1:0', '--logto', '/nowhere/log'],
      'Cannot open the log /nowhere/log: no such file or directory',
    ],
  ] as const) {
    const { code, output } = await runCli({ args });
    const lines = output.split('\n').filter((text) => text !== '' && !text.startsWith('***'));
    assert.deepEqual([code, lines], [1, [line]]);
  }
});

test('the file may be given by -c, by --ini and bare, and what stands later wins', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-cli-'));
  const file = join(folder, 'app.ini');
  writeFileSync(file, `[uwsgi]\nchdir = ${APPS}\nmodule = threads:application\nhttp = 127.0.0.1:0\nprocesses = 2\n`);
  const ways = [['-c', file], ['--ini', file], [file], [`${file}:uwsgi`]];
  const servers = await Promise.all(ways.map((args) => startServer({ args: ['--processes', '9', ...args] })));
  for (const server of servers) {
    assert.match(server.log(), /is running \(pid: \d+, workers: 2\)/);
    assert.equal((await ask(server, 'http', '/')).status, 200);
  }
  assert.deepEqual(await Promise.all(servers.map((server) => server.stop())), [0, 0, 0, 0]);
  rmSync(folder, { recursive: true });
});

test('what has no effect is said once at start', async () => {
  await using server = await startApp(TWINS[0] ?? assert.fail(), ['--single-interpreter', '--thunder-lock']);
  const about = (name: string) =>
    server
      .log()
      .split('\n')
      .filter((line) => line.includes(`"${name}"`));
  for (const name of ['single-interpreter', 'thunder-lock']) assert.equal(about(name).length, 1, server.log());
  assert.equal(await server.stop(), 0);
});

for (const twin of TWINS) {
  test(`chdir and env reach the application, ${twin.name}`, async () => {
    await using server = await startApp(twin, ['--env', 'GREETING=good day']);
    for (const kind of SOCKET_KINDS) {
      const { body } = await ask(server, kind, '/surroundings');
      const surroundings = { cwd: realpathSync(APPS), greeting: 'good day', path: process.env.PATH };
      assert.deepEqual(JSON.parse(body), surroundings);
    }
    assert.equal(await server.stop(), 0);
  });

  test(`--ping ends with status 0 when a server answers, ${twin.name}`, async () => {
    await using server = await startApp(twin);
    assert.deepEqual(await runCli({ args: ['--ping', addressOf(server)] }), { code: 0, signal: null, output: '' });
    const { code, output } = await runCli({ args: ['--ping', `${server.http().host}:${server.http().port}`] });
    assert.equal(code, 1);
    assert.notEqual(output, '');
    assert.equal(await server.stop(), 0);
  });
}

test('--ping ends with status 1 when there is no answer, or one that makes no sense', async () => {
  await answering(undefined, async (address) => {
    assert.equal((await runCli({ args: ['--ping', address] })).code, 1);
  });
  await answering(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), async (address) => {
    const { code, output } = await runCli({ args: ['--ping', address] });
    assert.deepEqual([code, output], [1, 'the answer is no uwsgi pong\n']);
  });
  // Port 1 of the loopback interface: nobody listens there.
  const { code, output } = await runCli({ args: ['--ping', '127.0.0.1:1'] });
  assert.equal(code, 1);
  assert.match(output, /ECONNREFUSED/);
});

test('--ping ends with status 2 and prints the warning when the server has one', async () => {
  const warning = Buffer.from('the disk is full');
  const pong = Buffer.concat([Buffer.of(100, warning.length, 0, 1), warning]);
  await answering(pong, async (address) => {
    const { code, output } = await runCli({ args: ['--ping', address] });
    assert.deepEqual([code, output], [2, 'the disk is full\n']);
  });
});
