// The same files through `uwsgi --show-config` and ours: the settings must be equal. Only where the specification marks a
// difference may they differ, and those lines are not in these files. Without uwsgi on this machine there is nothing to compare.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { parseCommandLine } from '../../dist/config/command-line.js';

const installed = spawnSync('uwsgi', ['--version']).status === 0;
const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'config-uwsgi-')));
after(() => rmSync(folder, { recursive: true, force: true }));
const ENVIRONMENT = { PATH: process.env.PATH, HOME: '/h', STAGE: 'test', EMPTY: '', NAME: 'STAGE' };

/** Words that steer reading; uWSGI prints them, and what they did as well. */
const CONTROL =
  /^(ini|show-config|include|for|for-times|for-glob|for-readline|if-.*|else|end|endif|endfor|set-ph|set-placeholder|set)$/;

/** What uWSGI makes of `app.ini`: it prints the configuration, and ends because it has no socket. */
function theirs(): string[] {
  const { stdout, stderr } = spawnSync('uwsgi', ['--show-config', '--ini', 'app.ini'], {
    cwd: folder,
    env: ENVIRONMENT,
    encoding: 'utf8',
    // A pipe of ours would be a socket, which uWSGI would serve.
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 20_000,
  });
  const output = stdout + stderr;
  const [, printed] = /\[uwsgi\]\n(.*?);end of configuration/s.exec(output) ?? [];
  assert.ok(printed !== undefined, output);
  const lines = printed.split('\n').slice(0, -1);
  return lines.filter((line) => !CONTROL.test(line.split(' = ', 1)[0] ?? ''));
}

function ours(): string[] {
  const command = parseCommandLine(['app.ini'], ENVIRONMENT, folder);
  assert.ok(command.kind === 'serve');
  const settings = command.configuration.settings.filter(({ key }) => !CONTROL.test(key));
  return settings.map(({ key, value }) => `${key} = ${value}`);
}

function compare(text: string): void {
  writeFileSync(path.join(folder, 'app.ini'), text);
  assert.deepEqual(ours(), theirs());
}

/** Files by what they show. None opens a socket or writes a file: their keys are placeholders or harmless options. */
const FILES: Readonly<Record<string, string>> = {
  'white space, comments and repetition': '[uwsgi]\n a = 1 \n\tb\t=\t2\n# c = 3\n  ; d = 4\na = 5\ne\nf =\ng = h = i\n',
  'sections in pieces': '[other]\na = 1\n[uwsgi]\nb = 2\n[other]\nc = 3\n[uwsgi]\nd = 4\n',
  'CRLF line ends': '[uwsgi]\r\na = 1\r\nb = %(a)\r\n',
  'no newline at the end': '[uwsgi]\na = 1',
  'a hash that is no comment': '[uwsgi]\na = x#y\nb = x;y\n',
  placeholders: '[uwsgi]\na = 1\nb = %(a)2\nc = %(b)%(later)\nlater = %(a)\na = 9\nd = %(a)\n',
  'placeholders that are nothing': '[uwsgi]\na = %(none)\nb = %()\nc = %(\nd = %(x(y))\ne = 50%% %%(a)\n',
  'placeholders inside placeholders':
    '[uwsgi]\nstage = prod\nport_prod = 80\na = v%(port_%(stage))\nb = v%(none_%(stage))\nc = v%(f(%(stage)))\nd = v%(a %(stage)\ne = v%(%(port_prod) + 1)\nf = v$($(NAME))\n',
  'placeholders of options': '[uwsgi]\nprocesses = 2\nmax-requests = %(processes)00\nworkers = %(processes)\n',
  'empty placeholders': '[uwsgi]\na =\nb\nc = <%(a)%(b)>\n',
  environment: '[uwsgi]\na = $(HOME)/x\nb = $(NONE)\nc = $(EMPTY).\nd = %(a)\ne = $(HOME)$(STAGE)\n',
  files: '[uwsgi]\na = @(one.txt)\nb = <@(two.txt)>\nk = v\nc = @(holds.txt)\n',
  'the order of the passes': '[uwsgi]\nk = v\na = %(b)\nb = $(HOME)\nc = @($(STAGE).txt)\n',
  maths:
    '[uwsgi]\na = 10\nb = 3\nc = %(a + b)\nd = %(a - b * 2)\ne = %(a / b)\nf = %(a b)\ng = %(a b + 1)\nh = %(a ++)\ni = %(a --)\nj = %(2 - 5)\n',
  'maths over placeholders': '[uwsgi]\na = 4\nb = %(a)\nc = %(b * 2)\nd = %(c * 2)\n',
  'magic letters': '[uwsgi]\na = %o|%p|%s|%n|%e|%d|%c|%x|%v|%h|%k|%u|%U|%g|%G\nb = %%\nc = 100%%x\n',
  'for over words': '[uwsgi]\nfor = a b  c\nx = <%(_)>\ny = %(_)%(_)\nendfor =\nz = %(_)\n',
  'for over numbers': '[uwsgi]\nfor-times = 3\nx = %(_)\nend =\n',
  'for over lines': '[uwsgi]\nfor-readline = lines.txt\nx = %(_)\nend-for =\n',
  'for over paths':
    '[uwsgi]\nfor-glob = g/*.txt\nx = %(_)\nendfor =\nfor-glob = g/?.t[x-z]t\ny = %(_)\nendfor =\nfor-glob = none/*\nz = %(_)\nendfor =\nfor-glob = g/*\nw = %(_)\nend =\n',
  'if over the environment':
    '[uwsgi]\nif-env = STAGE\na = %(_)\nendif =\nif-env = NONE\nb = 1\nendif =\nif-env = STAGE=test\nc = 1\nendif =\nif-env = STAGE=x\nd = 1\nendif =\nif-not-env = NONE\ne = 1\nend-if =\nifenv = EMPTY\nf = 1\nend =\n',
  'if over options':
    '[uwsgi]\nk = v\nif-opt = k\na = %(_)\nendif =\nif-opt = k=v\nb = 1\nendif =\nif-opt = k=w\nc = 1\nendif =\nif-not-opt = none\nd = 1\nendif =\nif-not-opt = k=w\ne = 1\nendif =\nif-not-opt = k\nf = 1\nendif =\n',
  'if over paths':
    '[uwsgi]\nif-exists = g\na = %(_)\nendif =\nif-not-exists = g\nb = 1\nendif =\nif-file = g\nc = 1\nendif =\nif-file = one.txt\nd = %(_)\nendif =\nif-dir = g\ne = %(_)\nendif =\nif-not-file = g\nf = 1\nendif =\nif-not-dir = one.txt\ng = 1\nendif =\n',
  includes: '[uwsgi]\na = 1\nini = part.ini\nb = 2\ninclude = part.ini\n',
  'included sections': '[uwsgi]\na = 1\nini = :here\nini = part.ini:more\nb = 2\n[here]\nc = 3\n',
  'magic letters of an included file': '[uwsgi]\nini = sub/inner.ini:sec\na = %n\n',
  'set and set-placeholder': '[uwsgi]\nset-ph = a=1\nset = b=%(a)\nset-placeholder = c=x=y\nd = %(c)\n',
  'values with all kinds of characters': '[uwsgi]\na = é ü\nb = "x" y\nc = \'y z\' w\nd = \\n\\t\\\\\ne = a=b:c,d\n',
};

if (installed) {
  mkdirSync(path.join(folder, 'g/sub'), { recursive: true });
  mkdirSync(path.join(folder, 'sub'));
  const files = {
    'one.txt': '1',
    'two.txt': '2\n',
    'holds.txt': '%(k)\n',
    'test.txt': 'from a file',
    'lines.txt': 'a b\n\nc\n',
    'g/1.txt': '',
    'g/2.txt': '',
    'g/.3.txt': '',
    'part.ini': '[uwsgi]\np = 1\n[more]\np = 2\n',
    'sub/inner.ini': '[sec]\ni = %o %s %n %c %x\n',
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(path.join(folder, name), content);

  for (const [title, text] of Object.entries(FILES)) {
    test(`uWSGI and we read the same: ${title}`, () => compare(text));
  }

  const piece = fc.constantFrom(
    '%(a)',
    '%(b)',
    '%(c)',
    '$(HOME)',
    '$(NONE)',
    '%%',
    '%(a + 1)',
    'x',
    '1',
    ' ',
    'x#y',
    '(',
    ')',
    '=',
    ':',
    '/',
    '$',
  );
  // A key refers to earlier letters only: no circles. `a` is a number: no maths on words. Values start with a letter, because
  // uWSGI does not look at the first character again after it filled something in.
  const value = (known: string) =>
    fc
      .array(piece, { maxLength: 5 })
      .map((pieces) => pieces.filter((each) => !/%\(([abc])/.test(each) || known.includes(each[2] ?? '')).join(''));
  const lines = fc
    .tuple(fc.nat(99), value('a'), value('ab'), value('abc'))
    .map(([a, b, c, d]) => `a = ${a}\nb = v${b}\nc = v${c}\nd = v${d}\n`);

  test('uWSGI and we read the same: any values over a few keys', () => {
    fc.assert(
      fc.property(lines, (text) => compare(`[uwsgi]\n${text}`)),
      { numRuns: 100 },
    );
  });
} else {
  test('uwsgi is not installed: our own reading of a file is all there is to see', () => {
    writeFileSync(path.join(folder, 'app.ini'), '[uwsgi]\na = 1\n');
    assert.deepEqual(ours(), ['a = 1']);
  });
}
