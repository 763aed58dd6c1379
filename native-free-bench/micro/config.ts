// Reading a configuration of 10 000 lines: the plainest reader that gives the same settings, our reader of INI text, and all
// of it as at a start: file, placeholders, checks.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCommandLine } from '../../dist/config/command-line.js';
import { readIni } from '../../dist/config/ini-reader.js';
import { Report } from '../../dist/config/setting.js';
import type { Suite } from './suite.js';

const LINES = 10_000;
const FILES = 4;
/** What a person writes, once in ten lines: the rest are keys, placeholders and comments. */
const OPTIONS = [
  'processes = 4',
  'harakiri = 60 # seconds',
  'vacuum = true',
  'http = 127.0.0.1:8000',
  'env = STAGE=prod',
];

function makeText(turn: number): string {
  const lines = ['[uwsgi]', 'base = /srv/shop'];
  for (let at = lines.length; at < LINES; at++) {
    if (at % 10 === 0) lines.push(OPTIONS[(at / 10) % OPTIONS.length] as string);
    else if (at % 10 === 1) lines.push(`# what key_${at} is for`);
    else if (at % 10 === 2) lines.push(`path_${at} = %(base)/releases/${turn}/${at}`);
    else lines.push(`key_${at} = a value of some length, number ${at + turn}`);
  }
  return `${lines.join('\n')}\n`;
}

const folder = mkdtempSync(join(tmpdir(), 'bench-config-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const TEXTS = Array.from({ length: FILES }, (_, turn) => makeText(turn));
TEXTS.forEach((text, turn) => {
  writeFileSync(join(folder, `${turn}.ini`), text);
});

type Pairs = [key: string, value: string][];

function plainRead(turn: number): Pairs {
  const pairs: Pairs = [];
  for (const line of (TEXTS[turn] as string).split('\n')) {
    const equals = line.indexOf('=');
    if (line.startsWith('#') || equals < 0) continue;
    const value = line.slice(equals + 1).replace(/ [#;].*$/, '');
    pairs.push([line.slice(0, equals).trim(), value.trim()]);
  }
  return pairs;
}

function readText(turn: number) {
  return readIni(TEXTS[turn] as string, 'app.ini', 'uwsgi', new Report()).entries;
}

function readAll(turn: number) {
  const command = parseCommandLine([`${turn}.ini`], {}, folder);
  if (command.kind !== 'serve') throw new Error('A file alone serves');
  return command.configuration.settings.filter(({ role }) => role === 'plain');
}

/** Placeholders filled in, which only the whole way does. */
function filled(pairs: Iterable<{ readonly key: string; readonly value: string }>): Pairs {
  return Array.from(pairs, ({ key, value }) => [key, value.replace('%(base)', '/srv/shop')]);
}

export const configSuite: Suite = {
  name: 'configuration of 10 000 lines',
  turns: FILES,
  isLong: true,
  candidates: [
    {
      name: 'lines cut at their =',
      run: plainRead,
      result: (turn) => filled(plainRead(turn).map(([key, value]) => ({ key, value }))),
    },
    { name: 'readIni, with places', run: readText, result: (turn) => filled(readText(turn)) },
    { name: 'file to Configuration', run: readAll, result: (turn) => filled(readAll(turn)) },
  ],
};
