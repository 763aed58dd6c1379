// `fastwsgi-ts top` in a real terminal: what it shows, its keys, its size, and the terminal it leaves behind.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { constants } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { boundTo } from '../helpers/stats-client.js';
import { pythonMissing, Terminal } from '../helpers/terminal.js';
import { ask, Signs, startApp, TWINS, until } from '../process/threads-client.js';

const CLI = join(import.meta.dirname, '..', '..', 'dist', 'cli.js');
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[0m\x1b[?25h\x1b[?1049l';
const skip = { skip: pythonMissing() };

function top(address: string): Terminal {
  return new Terminal([process.execPath, CLI, 'top', address, '0.1']);
}

/** The first of its screens is given back, and nothing is drawn afterwards. */
function assertRestored({ output }: Terminal): void {
  assert.equal(output.split(ENTER).length, 2);
  assert.ok(output.endsWith(LEAVE), JSON.stringify(output.slice(-100)));
}

/** A whole one that was begun from now on; one may be under way in an old size. */
async function nextFrame(terminal: Terminal): Promise<string> {
  const frames = () => terminal.output.split('\x1b[H');
  const before = frames().length;
  await until('three more frames', () => frames().length > before + 3);
  return frames().at(-2) ?? '';
}

function assertFits(frame: string, rows: number, columns: number): void {
  const lines = frame.split(/\r*\n/).map((line) => ({
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the terminal's own
    length: line.replace(/\x1b\[[0-9;]*[A-Za-z]/g, '').length,
    erases: line.includes('\x1b[K'),
  }));
  assert.ok(lines.length <= rows && lines.every(({ length }) => length <= columns), frame);
  // Erasing to the end of a line that is full takes its last character away.
  assert.ok(
    lines.every(({ length, erases }) => erases !== (length === columns)),
    frame,
  );
}

for (const isHttp of [false, true]) {
  const name = isHttp ? 'over HTTP' : 'on a raw socket';
  test(`top shows what workers are doing now, and quits by q (${name})`, skip, async () => {
    using signs = new Signs();
    const flags = isHttp ? ['--stats-http'] : [];
    const [twin] = TWINS;
    assert.ok(twin !== undefined);
    await using server = await startApp(twin, ['--stats', '127.0.0.1:0', '--processes', '2', ...flags]);
    const { port } = boundTo(server, 'stats');
    using terminal = top(`127.0.0.1:${port}`);
    await terminal.shows(/ready +up/, 0);
    for (let i = 0; i < 3; i++) await ask(server, 'http', '/');
    await terminal.shows(/requests 3 /);
    const held = connect(server.http());
    held.on('error', () => {});
    // A client who would like to write to the operator's terminal.
    held.write(`GET /hold?\x1b[31m&mark=${signs.path('on')} HTTP/1.1\r\nHost: a\r\n\r\n`, 'latin1');
    const refused = new Promise((resolve) => held.once('data', resolve));
    await refused;
    held.destroy();
    const spun = connect(server.http());
    spun.on('error', () => {});
    spun.write(
      `GET /spin?%C3%A9&mark=${signs.path('on')}&until=${signs.path('off')} HTTP/1.1\r\nHost: a\r\n\r\n`,
      'latin1',
    );
    await until('the request is running', () => signs.count('on') === 1);
    await terminal.shows(/busy .* s +GET \/spin\?/);
    terminal.type('m');
    await terminal.shows(/\[m memory\]/);
    for (const [rows, columns] of [
      [12, 60],
      [24, 1],
      [1, 40],
      [1, 1],
    ] as const) {
      terminal.resize(rows, columns);
      assertFits(await nextFrame(terminal), rows, columns);
    }
    // One that does not know its size yet.
    terminal.resize(0, 0);
    await terminal.shows(/\[m memory\]/);
    server.kill('SIGHUP');
    signs.give('off');
    terminal.resize(24, 100);
    await terminal.shows(/reloads 1 \(0 failed\)/);
    terminal.type('q');
    assert.equal(await terminal.exited, 0);
    assertRestored(terminal);
    spun.destroy();
  });
}

test('top waits for a server that has gone, and goes on when it is back', skip, async () => {
  using signs = new Signs();
  const path = signs.path('stats.sock');
  const [twin] = TWINS;
  assert.ok(twin !== undefined);
  using terminal = top(path);
  await terminal.shows(/ENOENT/, 0);
  for (const times of [1, 2]) {
    await using server = await startApp(twin, ['--stats', path, '--vacuum']);
    for (let i = 0; i < times; i++) await ask(server, 'http', '/');
    await terminal.shows(new RegExp(`ready[\\s\\S]*requests ${times} `));
    assert.equal(await server.stop(), 0);
    await terminal.shows(/LOST: .*ENOENT/);
  }
  terminal.type('\x03');
  assert.equal(await terminal.exited, 0);
  assertRestored(terminal);
});

test('top gives the terminal back when it is told to end by a signal', skip, async () => {
  for (const signal of [constants.signals.SIGTERM, constants.signals.SIGHUP]) {
    using terminal = top('/nowhere/stats.sock');
    await terminal.shows(/ENOENT/, 0);
    terminal.signal(signal);
    assert.equal(await terminal.exited, 0);
    assertRestored(terminal);
  }
});
