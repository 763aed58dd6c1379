// Which file a request is for, and what is said of it: the gate of static files without a front around it.
import assert from 'node:assert/strict';
import { linkSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import type { Configuration } from '../../dist/config/configuration.js';
import { createGate } from '../../dist/front/local/create-gate.js';
import { JudgedRequest, LocalAnswer, type RequestGate } from '../../dist/front/local/gate.js';
import { staticOptions } from '../../dist/front/local/static-options.js';
import { packet, requestVars } from '../helpers/uwsgi-client.js';
import { loadLines } from './config-fixture.js';

const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-gate-'));
after(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string, ageSeconds = 0): void {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  if (ageSeconds > 0) utimesSync(path, Date.now() / 1000 - ageSeconds, Date.now() / 1000 - ageSeconds);
}

write('a/x.txt', 'a/x');
write('a/only-a.txt', 'only a');
write('a/static/y.txt', 'a/static/y');
write('b/x.txt', 'b/x');
write('b/only-b.txt', 'only b');
write('b/index.htm', 'b index');
write('shared/s.txt', 'shared');
symlinkSync('../shared/s.txt', join(folder, 'a/to-shared.txt'));
write('page.html', 'the page');
write('types', 'text/x-own  own OWN2 # a comment\n# none nothing\ntext/x-text txt\n');
write('z/app.js', 'plain javascript');
write('z/app.js.gz', 'gz');
write('z/app.js.br', 'br');
write('z/only.css', 'plain css');
write('z/only.css.gz', 'gz');
write('z/none.css', 'plain none');

const log: string[] = [];

function gateOf(...lines: readonly string[]): RequestGate {
  const configuration: Configuration = loadLines(lines, folder);
  const gate = createGate({ routes: [], folder, static: staticOptions(configuration, folder) }, (line) =>
    log.push(line),
  );
  assert.ok(gate !== undefined);
  return gate;
}

interface Asked {
  readonly method?: string;
  readonly vars?: readonly (readonly [string, string])[];
  readonly hasBody?: boolean;
}

function judge(
  gate: RequestGate,
  uri: string,
  { method = 'GET', vars = [], hasBody = false }: Asked = {},
): LocalAnswer | null {
  const bytes = packet(requestVars({ uri, method, vars }));
  const verdict = gate.judge(new JudgedRequest().begin(bytes, 4, bytes.length, hasBody));
  assert.ok(verdict === null || verdict instanceof LocalAnswer);
  verdict?.close();
  return verdict;
}

function body(gate: RequestGate, uri: string, asked?: Asked): string | null {
  const answer = judge(gate, uri, asked);
  return answer === null ? null : Buffer.from(answer.body).toString();
}

function header(answer: LocalAnswer | null, wanted: string): string | undefined {
  return answer?.headers.find(([name]) => name === wanted)?.[1];
}

test('nothing is judged where nothing is configured', () => {
  const configuration = loadLines(['static-index = index.html', 'static-gzip-all = true'], folder);
  assert.equal(
    createGate({ routes: [], folder, static: staticOptions(configuration, folder) }, () => {}),
    undefined,
  );
});

test('check-static goes first, then static-map in order, then static-map2; the next is asked for what one does not have', () => {
  const gate = gateOf(
    'static-map2 = /static=a',
    'static-map = /static=b',
    'static-map = /static=a',
    'check-static = a',
  );
  assert.equal(body(gate, '/x.txt'), 'a/x');
  assert.equal(body(gate, '/static/x.txt'), 'b/x');
  assert.equal(body(gate, '/static/only-a.txt'), 'only a');
  assert.equal(body(gate, '/static/y.txt'), 'a/static/y');
  assert.equal(body(gate, '/static/none.txt'), null);
  assert.equal(body(gateOf('static-map2 = /static=a'), '/static/y.txt'), 'a/static/y');
});

test('a prefix ends at a slash, and one file may be mapped, too', () => {
  const gate = gateOf(
    'static-map = /s=b',
    'static-map = /slash/=b',
    'static-map = /icon=page.html',
    'static-map2 = /icon2=page.html',
  );
  assert.equal(body(gate, '/s/x.txt'), 'b/x');
  assert.equal(body(gate, '/slash/x.txt'), 'b/x');
  assert.equal(body(gate, '/sx.txt'), null);
  assert.equal(body(gate, '/s-more/x.txt'), null);
  assert.equal(body(gate, '/icon'), 'the page');
  assert.equal(body(gate, '/icon2'), 'the page');
  for (const uri of ['/icon/', '/icon/x', '/icons', '/icon2/x']) assert.equal(body(gate, uri), null, uri);
});

test('a folder is served by the first index that it has', () => {
  const gate = gateOf('check-static = b', 'static-index = index.html', 'static-index = index.htm');
  assert.equal(body(gate, '/'), 'b index');
  assert.equal(body(gateOf('check-static = b'), '/'), null);
  assert.equal(body(gateOf('static-map = /b=b', 'static-index = index.htm'), '/b'), 'b index');
});

test('only GET and HEAD without a body are answered, no WebSocket, and no path with a skipped ending', () => {
  const gate = gateOf('check-static = b', 'static-skip-ext = .php', 'static-skip-ext = b.txt');
  for (const method of ['POST', 'PUT', 'OPTIONS', 'get', '']) assert.equal(body(gate, '/x.txt', { method }), null);
  assert.equal(body(gate, '/x.txt', { hasBody: true }), null);
  assert.equal(body(gate, '/x.txt', { vars: [['HTTP_UPGRADE', 'WebSocket']] }), null);
  assert.equal(body(gate, '/x.txt', { vars: [['HTTP_UPGRADE', 'h2c']] }), 'b/x');
  assert.equal(body(gate, '/x.txt'), 'b/x');
  assert.equal(body(gate, '/only-b.txt'), null);
});

test('a link out of the root is followed to a safe place only, and the log says where it led', () => {
  log.length = 0;
  assert.equal(body(gateOf('check-static = a'), '/to-shared.txt'), null);
  assert.match(log.join('\n'), /^\[static\] security error: \S+\/shared\/s\.txt is not under \S+\/a or a safe path$/);
  assert.equal(
    body(gateOf('check-static = a', 'static-safe = none', 'static-safe = shared'), '/to-shared.txt'),
    'shared',
  );
});

test('a folder whose name only begins like the root is not below it', () => {
  write('a-private/p.txt', 'private');
  symlinkSync('../a-private/p.txt', join(folder, 'a/to-private.txt'));
  assert.equal(body(gateOf('check-static = a'), '/to-private.txt'), null);
});

test('what one root serves, and keeps, another below it does not for that reason', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 60_000 });
  write('outer/secret.txt', 'outer', 10);
  mkdirSync(join(folder, 'outer/inner'));
  symlinkSync('../secret.txt', join(folder, 'outer/inner/link.txt'));
  const gate = gateOf('static-map = /outer=outer', 'static-map = /inner=outer/inner');
  for (let i = 0; i < 3; i++) {
    assert.equal(body(gate, '/outer/inner/link.txt'), 'outer');
    assert.equal(body(gate, '/inner/link.txt'), null);
  }
});

test('the first rule that fits gives the time when an answer expires', () => {
  write('c/old.css', 'css', 1000);
  const gate = gateOf(
    'static-map = /c=c',
    'static-expires-mtime = old\\.css$ 100',
    'static-expires = \\.js$ 50',
    'static-expires-uri = css 70',
  );
  const changedMs = statSync(join(folder, 'c/old.css')).mtimeMs;
  assert.equal(header(judge(gate, '/c/old.css'), 'Expires'), new Date(changedMs + 100_000).toUTCString());
  const seconds = (line: string, uri: string) => {
    const value = header(judge(gateOf('static-map = /c=c', line), uri), 'Expires');
    return value === undefined ? undefined : Math.round((Date.parse(value) - Date.now()) / 1000 / 50) * 50;
  };
  assert.equal(seconds('static-expires-uri = \\?v= 500', '/c/old.css?v=1'), 500);
  assert.equal(seconds('static-expires-uri = \\?v= 500', '/c/old.css'), undefined);
  assert.equal(seconds('static-expires-path-info = ^/c/ 600', '/c/old.css?x'), 600);
  assert.equal(seconds('static-expires-type = text/css=700', '/c/old.css'), 700);
  assert.equal(seconds('static-expires-type = text/html=700', '/c/old.css'), undefined);
  assert.equal(seconds('static-expires-type-mtime = text/css=2000', '/c/old.css'), 1000);
});

test('a compressed file goes to those who take it, and says so; each has a tag of its own', () => {
  const gate = gateOf('check-static = z', 'static-gzip-all = true');
  const ask = (uri: string, accepted: string) => judge(gate, uri, { vars: [['HTTP_ACCEPT_ENCODING', accepted]] });
  const tags = new Set<string | undefined>();
  for (const [uri, accepted, coding] of [
    ['/app.js', 'gzip, br', 'br'],
    ['/app.js', 'gzip', 'gzip'],
    ['/app.js', 'br;q=0.1, gzip', 'gzip'],
    ['/app.js', 'deflate', undefined],
    ['/only.css', 'gzip, br', 'gzip'],
    ['/only.css', 'br', undefined],
    ['/none.css', 'gzip, br', undefined],
  ] as const) {
    const answer = ask(uri, accepted);
    assert.equal(header(answer, 'Content-Encoding'), coding, `${uri} ${accepted}`);
    assert.equal(header(answer, 'Vary'), 'Accept-Encoding');
    assert.equal(header(answer, 'Content-Type'), uri.endsWith('.js') ? 'text/javascript' : 'text/css');
    tags.add(header(answer, 'ETag'));
  }
  assert.equal(tags.size, 6);
  assert.equal(body(gate, '/app.js.gz'), 'gz');
  assert.equal(header(judge(gate, '/app.js.gz'), 'Content-Encoding'), undefined);
});

test('compressed files are looked for where a name, folder or ending says so', () => {
  const vars = [['HTTP_ACCEPT_ENCODING', 'gzip']] as const;
  for (const [line, coding] of [
    ['static-gzip = only', 'gzip'],
    ['static-gzip = nothing', undefined],
    ['static-gzip-ext = .css', 'gzip'],
    ['static-gzip-suffix = .js', undefined],
    ['static-gzip-dir = z', 'gzip'],
    ['static-gzip-prefix = a', undefined],
  ] as const) {
    const answer = judge(gateOf('check-static = z', line), '/only.css', { vars });
    assert.equal(header(answer, 'Content-Encoding'), coding, line);
    assert.equal(header(answer, 'Vary'), coding === undefined ? undefined : 'Accept-Encoding');
  }
});

test('the fallback answers where a browser goes to, and nothing else; the longest prefix counts', () => {
  const gate = gateOf(
    'check-static = b',
    'static-fallback = /=page.html',
    'static-fallback = /api=',
    'static-fallback = /api/docs=b/x.txt',
  );
  const vars = [['HTTP_ACCEPT', 'text/html,application/xhtml+xml,*/*;q=0.8']] as const;
  const page = judge(gate, '/users/7', { vars });
  assert.equal(Buffer.from(page?.body ?? []).toString(), 'the page');
  assert.equal(header(page, 'Vary'), 'Accept');
  assert.equal(body(gate, '/x.txt', { vars }), 'b/x');
  assert.equal(body(gate, '/api/docs/a', { vars }), 'b/x');
  for (const uri of ['/api', '/api/users', '/app.js', '/a/b.png']) assert.equal(body(gate, uri, { vars }), null, uri);
  assert.equal(body(gate, '/users/7', { vars: [['HTTP_ACCEPT', '*/*']] }), null);
  assert.equal(body(gate, '/users/7'), null);
  assert.equal(body(gate, '/users/7', { vars, method: 'POST' }), null);
});

test('the type comes from the name, own types first, and bytes are bytes', () => {
  write('t/a.own', '1');
  write('t/a.OWN2', '1');
  write('t/a.txt', '1');
  write('t/a.svg', '1');
  write('t/a.woff2', '1');
  write('t/noending', '1');
  write('t/a.unheardof', '1');
  const gate = gateOf('check-static = t', 'mimefile = types');
  const types = ['/a.own', '/a.OWN2', '/a.txt', '/a.svg', '/a.woff2', '/noending', '/a.unheardof'].map((uri) =>
    header(judge(gate, uri), 'Content-Type'),
  );
  assert.deepEqual(types, [
    'text/x-own',
    'text/x-own',
    'text/x-text',
    'image/svg+xml',
    'font/woff2',
    'application/octet-stream',
    'application/octet-stream',
  ]);
  assert.throws(() => gateOf('check-static = t', 'mimefile = none'), { code: 'ERR_FILE', option: 'mimefile' });
});

test('a small file is kept, and read again when anything of it has changed', (t) => {
  const path = join(folder, 'k/kept.txt');
  write('k/kept.txt', 'one', 100);
  // What has changed in the last two seconds is not kept.
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 60_000 });
  const gate = gateOf('check-static = k');
  const memory = () => judge(gate, '/kept.txt')?.body.buffer;
  assert.equal(memory(), memory());
  assert.equal(body(gate, '/kept.txt'), 'one');
  const { mtime, atime } = statSync(path);
  writeFileSync(path, 'two');
  utimesSync(path, atime, mtime);
  assert.equal(body(gate, '/kept.txt'), 'two');
  rmSync(path);
  assert.equal(body(gate, '/kept.txt'), null);
  linkSync(join(folder, 'a/x.txt'), path);
  assert.equal(body(gate, '/kept.txt'), 'a/x');
  rmSync(path);
  symlinkSync('../a/x.txt', path);
  assert.equal(body(gate, '/kept.txt'), null);
});

test('what was written a moment ago is not kept: it may change again within the same tick of the clock', () => {
  write('k/new.txt', 'new');
  const gate = gateOf('check-static = k');
  const memory = () => judge(gate, '/new.txt')?.body.buffer;
  assert.notEqual(memory(), memory());
});

test('as much as fits is kept, the files used last', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 60_000 });
  for (let i = 0; i < 200; i++) write(`many/${i}.txt`, 'x'.repeat(30_000));
  const gate = gateOf('check-static = many');
  const memory = (i: number) => judge(gate, `/${i}.txt`)?.body.buffer;
  const first = memory(0);
  for (let i = 1; i < 200; i++) {
    memory(i);
    assert.equal(memory(0), first);
  }
  assert.equal(memory(199), memory(199));
  const second = memory(1);
  assert.equal(memory(1), second);
  for (let i = 2; i < 200; i++) memory(i);
  assert.notEqual(memory(1), second);
});

test('what a client writes into a path does not become a line of the log', () => {
  log.length = 0;
  symlinkSync('/etc/passwd', join(folder, 'a/bad\nname'));
  assert.equal(body(gateOf('check-static = a'), '/bad\nname'), null);
  assert.equal(log.length, 1);
  assert.doesNotMatch(log.join(''), /\n/);
});

test('values that a request puts into a header lose their control characters', () => {
  const answer = new LocalAnswer(302, [['Location', '/a\r\nSet-Cookie: b']]);
  assert.deepEqual(answer.headers, [['Location', '/aSet-Cookie: b']]);
});

test('rules that cannot be read are the operator’s error, with their place', () => {
  for (const [line, what] of [
    ['static-expires = ( 5', /"static-expires" at app\.ini:2:\d+: a regular expression is wanted, got "\("/],
    ['static-expires = x', /REGEX SECONDS is wanted, got "x"/],
    ['static-expires-uri-mtime = x y', /a whole number of seconds is wanted, got "y"/],
    ['static-expires-type = text/css=soon', /a whole number of seconds is wanted, got "soon"/],
    ['static-gzip = [', /a regular expression is wanted, got "\["/],
    ['static-map = static=a', /\/PREFIX=PATH is wanted, got "static=a"/],
    ['static-fallback = page=a', /\/PREFIX=PATH is wanted/],
  ] as const) {
    assert.throws(() => loadLines([line], folder), what, line);
  }
});
