// The master FIFO: what is written to it, by whomever, and the file itself.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FastwsgiError } from '../../dist/base/errors.js';
import { FIFO_COMMANDS, MasterFifo } from '../../dist/system/master-fifo.js';

const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-fifo-'));
after(() => rmSync(folder, { recursive: true }));

interface OpenFifo extends Disposable {
  readonly path: string;
  readonly fifo: MasterFifo;
  readonly commands: string[];
  readonly lines: string[];
  /** Waits for that many commands in all. */
  arrived(count: number): Promise<void>;
}

let fifos = 0;
function openFifo(): OpenFifo {
  const path = join(folder, `${fifos++}.fifo`);
  const [commands, lines]: [string[], string[]] = [[], []];
  const fifo = new MasterFifo(
    path,
    (command) => commands.push(command),
    (line) => lines.push(line),
  );
  fifo.open();
  const arrived = async (count: number) => {
    while (commands.length < count) await sleep(1);
  };
  return { path, fifo, commands, lines, arrived, [Symbol.dispose]: () => fifo.close() };
}

/** What `open` throws for the path. */
function refusal(path: string): FastwsgiError {
  const fifo = new MasterFifo(
    path,
    () => {},
    () => {},
  );
  try {
    fifo.open();
  } catch (error) {
    assert.ok(error instanceof FastwsgiError);
    return error;
  }
  fifo.close();
  return assert.fail('it was opened');
}

test('several letters of one writer are several commands, in order', async () => {
  using server = openFifo();
  const all = Object.keys(FIFO_COMMANDS).join('');
  writeFileSync(server.path, `${all}\n`);
  await server.arrived(all.length);
  assert.equal(server.commands.join(''), all);
  assert.deepEqual(server.lines, []);
});

test('writers come and leave one after the other, and each is heard', async () => {
  using server = openFifo();
  for (let i = 1; i <= 20; i++) {
    execFileSync('sh', ['-c', 'echo r > "$1"', 'sh', server.path]);
    await server.arrived(i);
  }
  assert.equal(server.commands.join(''), 'r'.repeat(20));
});

test('of two writers at a time no command is lost', async () => {
  using server = openFifo();
  const script = 'exec > "$1"; i=0; while [ $i -lt 500 ]; do echo $2; i=$((i+1)); done';
  const writers = ['r', 's'].map((letter) => spawn('sh', ['-c', script, 'sh', server.path, letter]));
  await Promise.all(writers.map((writer) => once(writer, 'exit')));
  await server.arrived(1000);
  for (const letter of ['r', 's']) assert.equal(server.commands.filter((command) => command === letter).length, 500);
});

test('garbage between commands is told in one short line, and white space is nothing', async () => {
  using server = openFifo();
  const garbage = Buffer.concat([Buffer.from('constructor\x00\xff\n', 'latin1'), Buffer.alloc(1000, 'x')]);
  writeFileSync(server.path, Buffer.concat([Buffer.from('  r\r\n\t'), garbage, Buffer.from('s')]));
  await server.arrived(2 + [...'constructor'].filter((letter) => letter in FIFO_COMMANDS).length);
  assert.deepEqual([server.commands.at(0), server.commands.at(-1)], ['r', 's']);
  assert.equal(server.lines.length, 1);
  const [line = ''] = server.lines;
  assert.match(line, /^master fifo: no such command: "ontuto\\u0000ÿx+"$/);
  assert.ok(line.length < 120, line);
});

test('its owner alone may write to it', () => {
  using server = openFifo();
  const stat = statSync(server.path);
  assert.ok(stat.isFIFO());
  assert.equal(stat.mode & 0o777, 0o600);
});

test('a FIFO that a dead server has left is replaced', async () => {
  const path = join(folder, 'left.fifo');
  execFileSync('mkfifo', ['-m', '0622', path]);
  const commands: string[] = [];
  const fifo = new MasterFifo(
    path,
    (command) => commands.push(command),
    () => {},
  );
  fifo.open();
  assert.equal(statSync(path).mode & 0o777, 0o600);
  writeFileSync(path, 'q');
  while (commands.length === 0) await sleep(1);
  fifo.close();
  assert.equal(existsSync(path), false);
});

test('what is no FIFO is left alone, at the start and at the end', () => {
  const path = join(folder, 'precious');
  writeFileSync(path, 'kept');
  const error = refusal(path);
  assert.deepEqual([error.code, error.option], ['ERR_FILE', 'master-fifo']);
  assert.equal(error.message, `Cannot make the master fifo ${path}: there is something else of that name`);
  assert.equal(readFileSync(path, 'utf8'), 'kept');
  const server = openFifo();
  unlinkSync(server.path);
  appendFileSync(server.path, 'somebody else’s');
  server.fifo.close();
  assert.equal(readFileSync(server.path, 'utf8'), 'somebody else’s');
});

test('a folder that is not there is the operator’s error', () => {
  const path = join(folder, 'missing', 'x.fifo');
  assert.equal(refusal(path).message, `Cannot make the master fifo ${path}: no such file or directory`);
});

test('a command that closes the FIFO is the last one', async () => {
  const path = join(folder, 'last.fifo');
  const commands: string[] = [];
  const fifo = new MasterFifo(
    path,
    (command) => {
      commands.push(command);
      if (command === 'q') fifo.close();
    },
    () => {},
  );
  fifo.open();
  writeFileSync(path, 'sqrr');
  while (existsSync(path)) await sleep(1);
  assert.deepEqual(commands, ['s', 'q']);
});

test('it is made without native parts too, with the same errors', () => {
  const script = `
    import { existsSync, writeFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { MasterFifo } from ${JSON.stringify(new URL('../../dist/system/master-fifo.js', import.meta.url).href)};
    const path = process.argv[1];
    const fifo = new MasterFifo(path, (command) => { console.log(command); fifo.close(); }, console.log);
    try {
      fifo.open();
      writeFileSync(path, 'r');
      while (existsSync(path)) await sleep(1);
    } catch (error) { console.log(error.message); }
  `;
  const run = (path: string) =>
    execFileSync(process.execPath, ['--input-type=module', '-e', script, path], {
      env: { ...process.env, FASTWSGI_NATIVE: '0' },
      encoding: 'utf8',
      timeout: 20_000,
    });
  assert.equal(run(join(folder, 'portable.fifo')), 'r\n');
  const missing = join(folder, 'missing', 'x.fifo');
  assert.match(run(missing), /^Cannot make the master fifo \S+missing\/x\.fifo: no such file or directory\n$/);
});
