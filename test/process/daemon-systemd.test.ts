// What a service manager sees: sockets it has bound are served, and it is told when the server is ready and when it stops.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadLibc, SYS } from '../../dist/system/libc.js';
import { encodeUnix, listenOn } from '../../dist/system/listen.js';
import { requestBytes, UwsgiClient } from '../helpers/uwsgi-client.js';
import { application, Folder, isAlive, isGone, who } from './daemon-helpers.js';
import { APPS, disposable, TWINS, type Twin, until } from './threads-client.js';

const CLI = join(import.meta.dirname, '..', '..', 'dist', 'cli.js');

/** The service manager's part takes system calls that Node has not. */
const loaded = loadLibc();
const libc = 'libc' in loaded ? loaded.libc : undefined;

/** Datagrams that came to a unix socket. */
function receiver(path: string): { lines(): string[] } & Disposable {
  assert.ok(libc);
  const fd = libc.socket(SYS.AF_UNIX, SYS.SOCK_DGRAM | SYS.SOCK_NONBLOCK | SYS.SOCK_CLOEXEC, 0);
  const address = encodeUnix(Buffer.from(path), path);
  assert.equal(libc.bind(fd, address, address.length), 0);
  const received: string[] = [];
  const bytes = Buffer.alloc(4096);
  return {
    lines: () => {
      for (let size = libc.recv(fd, bytes, 4096, 0); size > 0; size = libc.recv(fd, bytes, 4096, 0)) {
        received.push(...bytes.toString('utf8', 0, size).split('\n').filter(Boolean));
      }
      return received;
    },
    [Symbol.dispose]: () => void libc.close(fd),
  };
}

for (const twin of libc === undefined ? [] : TWINS) {
  for (const master of [[], ['--master']]) {
    const name = `${twin.name}${master.length > 0 ? ', under the guard' : ''}`;

    test(`the service manager hears of the start, of a reload and of the stop, ${name}`, async () => {
      using folder = new Folder();
      using manager = receiver(folder.file('notify'));
      const env = { ...twin.env, NOTIFY_SOCKET: folder.file('notify') };
      await using server = await disposable({ args: application(twin, 0, master), env });
      const hasProgram = spawnSync('systemd-notify', ['--version']).error === undefined;
      if (twin.name === 'portable' && !hasProgram) {
        await server.waitForLog(/^Cannot notify systemd: systemd-notify: /m);
        server.kill('SIGTERM');
      } else {
        const readies = () => manager.lines().filter((line) => line === 'READY=1').length;
        await until('READY=1 comes', () => readies() === 1);
        server.kill('SIGHUP');
        await until('READY=1 comes again', () => readies() === 2);
        assert.ok(manager.lines().includes('RELOADING=1'));
        assert.ok(manager.lines().some((line) => /^MONOTONIC_USEC=\d+$/.test(line)));
        server.kill('SIGTERM');
        await until('STOPPING=1 comes', () => manager.lines().includes('STOPPING=1'));
      }
      assert.deepEqual(await server.exited, { code: 0, signal: null });
    });

    test(`sockets of the service manager are served and outlive the server, ${name}`, async () => {
      assert.ok(libc);
      using folder = new Folder();
      const backlog = { backlog: 10, keepAlive: false };
      const uwsgi = listenOn(libc, { kind: 'unix', path: folder.file('u.sock') }, backlog);
      const http = listenOn(libc, { kind: 'tcp', host: '127.0.0.1', port: 0 }, backlog);
      const args = ['--chdir', APPS, '--module', 'own-process:application', '--vacuum', ...master, ...twin.args];
      args.push('--socket', folder.file('u.sock'), '--http', `127.0.0.1:${http.port}`);
      const start = 'LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=a:b exec "$0" "$@"';
      const child = spawn('sh', ['-c', start, process.execPath, CLI, ...args], {
        env: { ...process.env, ...twin.env },
        stdio: ['ignore', 'inherit', 'pipe', uwsgi.fd, http.fd],
      });
      let log = '';
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        log += text;
      });
      const exited = new Promise((resolve) => child.once('exit', resolve));
      try {
        const where = { host: '127.0.0.1', port: http.port ?? 0 };
        await until('it runs', () => {
          assert.ok(isAlive(child.pid ?? 0), log);
          return log.includes('fastwsgi-ts is running');
        });
        const { env, pid } = await who(where);
        assert.deepEqual(
          Object.keys(env).filter((variable) => variable.startsWith('LISTEN_')),
          [],
        );
        const client = new UwsgiClient({ path: folder.file('u.sock') });
        await client.send(requestBytes({ uri: '/' }));
        assert.match((await client.outcome).bytes.toString('latin1'), /^HTTP\/1\.1 200/);
        child.kill('SIGTERM');
        assert.equal(await exited, 0, log);
        await isGone(pid);
        // Nobody accepts any more, and yet nobody is refused: the manager still listens.
        const waiting = new UwsgiClient({ path: folder.file('u.sock') });
        await waiting.send(requestBytes({ uri: '/' }));
        waiting.socket.destroy();
        const late = who(where);
        const accepted = await until('the connection is in the backlog', () => {
          const fd = libc.accept4(http.fd, null, null, SYS.SOCK_CLOEXEC);
          if (fd >= 0) libc.close(fd);
          return fd >= 0;
        });
        assert.equal(accepted, undefined);
        await assert.rejects(late);
      } finally {
        child.kill('SIGKILL');
        for (const { fd } of [uwsgi, http]) closeSync(fd);
      }
    });
  }
}

test('sockets that were passed to another process are not taken', async () => {
  const twin: Twin = TWINS[0] ?? assert.fail();
  const env = { ...twin.env, LISTEN_PID: '1', LISTEN_FDS: '1' };
  await using server = await disposable({ args: application(twin, 0), env });
  assert.equal((await who(server.http())).env.LISTEN_PID, undefined);
  assert.equal(await server.stop(), 0);
});
