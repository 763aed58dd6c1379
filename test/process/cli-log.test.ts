// The request log: uWSGI's default line, wherever the request came from, and nothing that a client can forge.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RunningServer } from '../helpers/server.js';
import { request } from '../helpers/uwsgi-client.js';
import { ask, SOCKET_KINDS, startApp, TWINS } from './threads-client.js';

const DATE =
  '(Sun|Mon|Tue|Wed|Thu|Fri|Sat) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 123]\\d \\d\\d:\\d\\d:\\d\\d \\d{4}';

/** The default line, with what differs from run to run left open. */
function requestLine(server: RunningServer, number: string, address: string, what: string): RegExp {
  return new RegExp(
    `^\\[pid: ${server.pid}\\|app: 0\\|req: ${number}\\] ${address} \\{\\d*[02468] vars in \\d+ bytes\\} \\[${DATE}\\] ` +
      `${what} headers in \\d+ bytes \\(1 switches on core \\d+\\)$`,
    'm',
  );
}

for (const twin of TWINS) {
  test(`each request is one line in uWSGI’s default format, ${twin.name}`, async () => {
    await using server = await startApp(twin);
    await ask(server, 'http', '/peak?a=b');
    await ask(server, 'uwsgi', '/missing');
    const vars = [['REMOTE_USER', 'ada']] as const;
    await request(server.uwsgi(), { method: 'POST', uri: '/', body: Buffer.from('x'), vars });
    for (const [number, address, what] of [
      ['1/1', '127\\.0\\.0\\.1 \\(\\)', 'GET /peak\\?a=b => generated 1 bytes in \\d+ msecs \\(HTTP/1\\.1 200\\) 1'],
      ['2/2', '127\\.0\\.0\\.1 \\(\\)', 'GET /missing => generated 13 bytes in \\d+ msecs \\(HTTP/1\\.1 404\\) 1'],
      ['3/3', '127\\.0\\.0\\.1 \\(ada\\)', 'POST / => generated \\d+ bytes in \\d+ msecs \\(HTTP/1\\.1 200\\) 1'],
    ] as const) {
      await server.waitForLog(requestLine(server, number, address, what));
    }
    assert.equal(await server.stop(), 0);
  });

  test(`a client cannot forge a line or steer a terminal, ${twin.name}`, async () => {
    await using server = await startApp(twin);
    const evil = 'x\r\nforged\x1b[2J\x9b\x00\x85y';
    await request(server.uwsgi(), { uri: `/${evil}`, vars: [['REMOTE_USER', evil]] });
    await request(server.uwsgi(), { method: evil, uri: '/fail' });
    const shown = 'x\\x0d\\x0aforged\\x1b[2J\\x9b\\x00\\x85y';
    await server.waitForLog(/POST|\/fail => /);
    const log = server.log();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    assert.doesNotMatch(log, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
    assert.doesNotMatch(log, /^forged/m);
    assert.ok(log.includes(`127.0.0.1 (${shown}) {`), log);
    assert.ok(log.includes(`GET /${shown} => generated`), log);
    assert.ok(log.includes(`${shown} /fail: Error: the application failed`), log);
    assert.equal(await server.stop(), 0);
  });

  test(`memory-report puts the memory before the line, disable-logging leaves the line out, ${twin.name}`, async () => {
    await using reporting = await startApp(twin, ['--memory-report']);
    await using silent = await startApp(twin, ['--disable-logging']);
    for (const server of [reporting, silent]) for (const kind of SOCKET_KINDS) await ask(server, kind, '/error');
    await silent.waitForLog(/a line of the application(.|\n)*a line of the application/);
    const prefix = /^\{address space usage: (\d+) bytes\/(\d+)MB\} \{rss usage: (\d+) bytes\/(\d+)MB\} \[pid: /m;
    const [, space, spaceMb, rss, rssMb] = (await reporting.waitForLog(prefix)).map(Number);
    for (const [bytes, megabytes] of [
      [space, spaceMb],
      [rss, rssMb],
    ] as const) {
      assert.ok(bytes !== undefined && bytes > 2 ** 20);
      assert.equal(megabytes, Math.floor(bytes / 2 ** 20));
    }
    assert.deepEqual([await reporting.stop(), await silent.stop()], [0, 0]);
    assert.doesNotMatch(silent.log(), /generated/);
  });

  test(`logto appends everything to a file and leaves standard error alone, ${twin.name}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-log-'));
    const logFile = join(folder, 'app.log');
    writeFileSync(logFile, 'an earlier line\n');
    await using server = await startApp(twin, ['--logto', logFile], { logFile });
    for (const kind of SOCKET_KINDS) await ask(server, kind, '/error');
    await ask(server, 'http', '/fail');
    assert.equal(await server.stop(), 0);
    const lines = readFileSync(logFile, 'utf8');
    assert.ok(lines.startsWith('an earlier line\n*** Starting fastwsgi-ts'), lines);
    assert.equal(lines.match(/^a line of the application$/gm)?.length, 2);
    assert.equal(lines.match(/^\[pid: /gm)?.length, 3);
    assert.match(lines, /^GET \/fail: Error: the application failed$/m);
    assert.match(lines, /^SIGTERM: goodbye to fastwsgi-ts$/m);
    rmSync(folder, { recursive: true });
  });
}
