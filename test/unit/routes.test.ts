// The gate of the routes: what becomes of a request, and that nothing a client sends leads where no rule leads.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are what is tested
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PACKET_VARS_BYTES_MAX } from '../../dist/base/limits.js';
import { JudgedRequest, LocalAnswer, type Verdict } from '../../dist/front/local/gate.js';
import { RouteFiles } from '../../dist/front/local/route-files.js';
import { RouteGate } from '../../dist/front/local/routes.js';
import { staticOptions } from '../../dist/front/local/static-options.js';
import { readVars } from '../../dist/protocol/environ-vars.js';
import { encodePacket } from '../../dist/protocol/uwsgi-encoder.js';
import { loadLines, makeFolder } from './config-fixture.js';

const folder = makeFolder();
const HEADER_BYTES = 4;

type Vars = Readonly<Record<string, string>>;

function judge(lines: readonly string[], vars: Vars): Verdict {
  const configuration = loadLines(lines, folder);
  const files = new RouteFiles(staticOptions(configuration, folder), folder, () => {});
  const gate = new RouteGate(configuration.routes, files);
  const all = { REQUEST_METHOD: 'GET', QUERY_STRING: '', REQUEST_URI: vars.PATH_INFO ?? '/', PATH_INFO: '/', ...vars };
  const packet = encodePacket(Object.entries(all));
  return gate.judge(new JudgedRequest().begin(packet, HEADER_BYTES, packet.length, false));
}

/** The answer as `status`, or `status Location`. */
function answered(lines: readonly string[], vars: Vars): string {
  const verdict = judge(lines, vars);
  assert.ok(verdict instanceof LocalAnswer, 'no answer');
  const location = verdict.headers.find(([name]) => name === 'Location')?.[1];
  return location === undefined ? String(verdict.status) : `${verdict.status} ${location}`;
}

/** The vars that the application gets. */
function passed(lines: readonly string[], vars: Vars): Record<string, string> {
  const verdict = judge(lines, vars);
  assert.ok(!(verdict instanceof LocalAnswer), 'it was answered');
  const read: Record<string, string> = {};
  if (verdict === null) return { ...vars };
  assert.equal(verdict.readUInt16LE(1), verdict.length - HEADER_BYTES);
  readVars(verdict, HEADER_BYTES, verdict.length, read);
  return read;
}

test('a request that no rule is for passes as it came', () => {
  assert.equal(judge(['route = ^/x break:403', 'route-host = b last:'], { PATH_INFO: '/y', HTTP_HOST: 'a' }), null);
});

const ANSWERS: readonly (readonly [lines: readonly string[], vars: Vars, is: string])[] = [
  [['route = ^/x break:403'], { PATH_INFO: '/x/y' }, '403'],
  [['route = ^/x return:404'], { PATH_INFO: '/x' }, '404'],
  [['route = ^/old/(.*)$ redirect:/new/$1'], { PATH_INFO: '/old/a/b' }, '302 /new/a/b'],
  [['route = ^/old/(.*)$ redirect-301:/new/$1?from=$1'], { PATH_INFO: '/old/a&b=c' }, '301 /new/a&b=c?from=a%26b%3Dc'],
  [['route-uri = ^/old(.*)$ redirect:/new$1'], { REQUEST_URI: '/old/a%20b?c=d&e' }, '302 /new/a%20b?c=d&e'],
  [
    ['route-host = ^(?:www\\.)?a\\.example(:\\d+)?$ redirect-permanent:https://b.example${REQUEST_URI}'],
    { HTTP_HOST: 'www.a.example:80', REQUEST_URI: '/p?q' },
    '301 https://b.example/p?q',
  ],
  [
    ['route-run = redirect:https://${HTTP_HOST}${REQUEST_URI}'],
    { HTTP_HOST: '[::1]:80', REQUEST_URI: '/' },
    '302 https://[::1]:80/',
  ],
  [['route-qs = (?:^|&)old=1(?:&|$) redirect:/new'], { QUERY_STRING: 'a&old=1' }, '302 /new'],
  [['route-user-agent = (?i)bot break:403'], { HTTP_USER_AGENT: 'GoogleBot' }, '403'],
  [['route-remote-addr = ^10\\. break:403'], { REMOTE_ADDR: '10.0.0.1' }, '403'],
  [['route-remote-user = ^$ break:401'], {}, '401'],
  [['route-referer = spam break:403'], { HTTP_REFERER: 'http://spam.example/' }, '403'],
  [['route-if = equal:${HTTP_HOST};a break:403'], { HTTP_HOST: 'a' }, '403'],
  [['route-if = startswith:${PATH_INFO};/adm break:403'], { PATH_INFO: '/admin' }, '403'],
  [['route-if = endswith:${PATH_INFO};.php break:403'], { PATH_INFO: '/a.php' }, '403'],
  [['route-if = contains:${PATH_INFO};.. break:403'], { PATH_INFO: '/a..b' }, '403'],
  [['route-if = regexp:${REMOTE_ADDR};^(10)\\. redirect:/$1'], { REMOTE_ADDR: '10.1.1.1' }, '302 /10'],
  [['route-if = empty:${cookie[session]} redirect:/login'], { HTTP_COOKIE: 'a=b; sessions=1' }, '302 /login'],
  [['route-if-not = empty:${qs[debug]} break:403'], { QUERY_STRING: 'a=1&debug=yes' }, '403'],
  [['route-if = ipv4in:${REMOTE_ADDR};10.0.0.0/8 break:403'], { REMOTE_ADDR: '10.2.3.4' }, '403'],
  [['route-if-not = ipv6in:${REMOTE_ADDR};fd00::/8 break:403'], { REMOTE_ADDR: 'fe80::1' }, '403'],
  [['route-if-not = ipv4in:${REMOTE_ADDR};10.0.0.0/8 break:403'], {}, '403'],
  [
    ['route = ^/a goto:b', 'route-run = break:500', 'route-label = b', 'route-run = break:201'],
    { PATH_INFO: '/a' },
    '201',
  ],
  [['route-label = a', 'route-run = break:410'], {}, '410'],
  [['route = ^/x rewrite:/y', 'route = ^/y break:418'], { PATH_INFO: '/x' }, '418'],
  [['route-run = static:missing'], {}, '404'],
  [['route-run = static:app.ini'], { REQUEST_METHOD: 'POST' }, '405'],
];

for (const [lines, vars, is] of ANSWERS) {
  test(`${lines.join(' · ')} answers ${JSON.stringify(vars)} with ${is}`, () => {
    assert.equal(answered(lines, vars), is);
  });
}

test('last ends the rules', () => {
  assert.equal(judge(['route-run = last:', 'route-run = break:500'], {}), null);
  assert.equal(judge(['route-run = continue:', 'route-run = break:500'], {}), null);
});

test('break answers with a text, a redirect with what uWSGI says, 204 with nothing', () => {
  const text = (line: string) => {
    const verdict = judge([line], {});
    assert.ok(verdict instanceof LocalAnswer);
    return [Buffer.from(verdict.body).toString(), verdict.headers];
  };
  const plain = ['Content-Type', 'text/plain'];
  assert.deepEqual(text('route-run = break:403'), ['Forbidden\n', [plain]]);
  assert.deepEqual(text('route-run = break:503 Back at noon'), ['Back at noon\n', [plain]]);
  assert.deepEqual(text('route-run = redirect:/a'), ['Moved\n', [['Location', '/a'], plain]]);
  assert.deepEqual(text('route-run = break:204'), ['', []]);
});

test('rewrite changes path and query, and the target that Node applications see', () => {
  const vars = { PATH_INFO: '/old/x y', QUERY_STRING: 'q=1', REQUEST_URI: '/old/x%20y?q=1' };
  const { PATH_INFO, QUERY_STRING, REQUEST_URI } = passed(['route = ^/old/(.*)$ rewrite:/new/$1?page=$1'], vars);
  assert.deepEqual(
    { PATH_INFO, QUERY_STRING, REQUEST_URI },
    { PATH_INFO: '/new/x y', QUERY_STRING: 'page=x%20y&q=1', REQUEST_URI: '/new/x%20y?page=x%20y&q=1' },
  );
});

test('rewrite goes on with the next rule, rewrite-last with none', () => {
  const next = 'route-run = addvar:NEXT=yes';
  assert.equal(passed(['route-run = rewrite:/a', next], {}).NEXT, 'yes');
  assert.equal(passed(['route-run = rewrite-last:/a', next], {}).NEXT, undefined);
});

test('actions set vars, which later rules see', () => {
  const lines = [
    'route = ^(/app)(/.*)$ setscriptname:$1',
    'route = ^(/app)(/.*)$ setpathinfo:$2',
    'route-run = addvar:TENANT=${HTTP_HOST}',
    'route-if = equal:${TENANT};a setuser:ada',
    'route-run = setscheme:https',
    'route-run = setremoteaddr:${HTTP_X_REAL_IP}',
    'route-run = seturi:/u',
    'route-run = setdocroot:/srv',
  ];
  const vars = passed(lines, { PATH_INFO: '/app/x', HTTP_HOST: 'a', HTTP_X_REAL_IP: '192.0.2.7' });
  assert.deepEqual(
    [
      vars.SCRIPT_NAME,
      vars.PATH_INFO,
      vars.TENANT,
      vars.REMOTE_USER,
      vars.UWSGI_SCHEME,
      vars.REMOTE_ADDR,
      vars.REQUEST_URI,
    ],
    ['/app', '/x', 'a', 'ada', 'https', '192.0.2.7', '/u'],
  );
  assert.equal(vars.DOCUMENT_ROOT, '/srv');
});

test('addheader travels with the request, and goes out with an answer', () => {
  const lines = ['route-run = addheader:X-A: ${HTTP_HOST}', 'route = ^/x break:403'];
  assert.equal(passed(lines, { PATH_INFO: '/y', HTTP_HOST: 'a\r\nX-B: b' })['fastwsgi.headers'], 'X-A: aX-B: b\n');
  const verdict = judge(lines, { PATH_INFO: '/x', HTTP_HOST: 'a' });
  assert.ok(verdict instanceof LocalAnswer);
  assert.deepEqual(verdict.headers.at(-1), ['X-A', 'a']);
});

const HOSTILE: readonly (readonly [what: string, lines: readonly string[], vars: Vars, is: string])[] = [
  [
    'a line feed in a path makes no header',
    ['route = ^/(.*)$ redirect:/n/$1'],
    { PATH_INFO: '/a\r\nSet-Cookie: b' },
    '302 /n/a%0D%0ASet-Cookie:%20b',
  ],
  [
    'two slashes make no other host',
    ['route = ^/(.*)$ redirect:/$1'],
    { PATH_INFO: '//evil.example/' },
    '302 /evil.example/',
  ],
  [
    'nor do they in the target',
    ['route-run = redirect:${REQUEST_URI}'],
    { REQUEST_URI: '//evil.example' },
    '302 /evil.example',
  ],
  ['nor a backslash', ['route = ^/(.*)$ redirect:/$1'], { PATH_INFO: '/\\evil.example' }, '302 /%5Cevil.example'],
  [
    'a question mark in a path makes no query',
    ['route = ^/(.*)$ redirect:/n/$1'],
    { PATH_INFO: '/a?b' },
    '302 /n/a%3Fb',
  ],
  ['bytes above 127 are encoded', ['route = ^/(.*)$ redirect:/n/$1'], { PATH_INFO: '/\xc3\xbc' }, '302 /n/%C3%BC'],
  [
    'a line feed does not get a path past a rule',
    ['route = ^/admin/.*$ break:403'],
    { PATH_INFO: '/admin/\nx' },
    '403',
  ],
  ['a NUL byte is no path', ['route = ^/(.*)$ rewrite:/n/$1'], { PATH_INFO: '/a\0' }, '400'],
  [
    'a text that is longer than a pattern may be tried on',
    ['route = ^/(.*)a(.*)b$ last:'],
    { PATH_INFO: `/${'a'.repeat(9000)}` },
    '414',
  ],
  [
    'the same with a negated condition',
    ['route-if-not = regexp:${PATH_INFO};^/(.*)a(.*)b$ last:'],
    { PATH_INFO: `/${'a'.repeat(9000)}` },
    '414',
  ],
  ['the files above the folder of static', ['route = ^/(.*)$ static:files/$1'], { PATH_INFO: '/../app.ini' }, '404'],
  ['a NUL byte in a file', ['route = ^/(.*)$ static:files/$1'], { PATH_INFO: '/a\0' }, '404'],
];

for (const [what, lines, vars, is] of HOSTILE) {
  test(`${what}: ${is}`, () => {
    assert.equal(answered(lines, vars), is);
  });
}

test('rewriting resolves dot segments, and decodes what was encoded once', () => {
  const rewrite = ['route-uri = ^/old(.*)$ rewrite:/new$1'];
  assert.equal(passed(rewrite, { REQUEST_URI: '/old/../../x' }).PATH_INFO, '/x');
  assert.equal(passed(rewrite, { REQUEST_URI: '/old/%2e%2e/x' }).PATH_INFO, '/x');
  // Of PATH_INFO, which is decoded, a percent sign is one.
  const byPath = ['route = ^/old(.*)$ rewrite:/new$1'];
  assert.equal(passed(byPath, { PATH_INFO: '/old/%2e%2e/x' }).PATH_INFO, '/new/%2e%2e/x');
  assert.equal(passed(byPath, { PATH_INFO: '/old/a?b=c' }).PATH_INFO, '/new/a?b=c');
  assert.equal(passed(byPath, { PATH_INFO: '/old/a?b=c' }).QUERY_STRING, '');
});

test('vars that no packet can hold are answered 431', () => {
  const vars = { PATH_INFO: `/${'x'.repeat(30_000)}`, REQUEST_URI: '/' };
  assert.equal(answered(['route = ^/(.*)$ addvar:A=$1', 'route = ^/(.*)$ addvar:B=$1'], vars), '431');
  assert.ok(PACKET_VARS_BYTES_MAX < 90_000);
  assert.equal(passed(['route = ^/(.*)$ addvar:A=$1'], vars).A?.length, 30_000);
});

test('whatever stands in a path: a redirect is one line, on this host, below the folder that the rule names', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const path = `/${Buffer.from(bytes).toString('latin1')}`;
      const location = answered(['route = ^/(.*)$ redirect:/base/$1'], { PATH_INFO: path }).slice('302 '.length);
      assert.match(location, /^\/base\/[!-~]*$/);
      assert.equal(
        Buffer.from(
          location
            .slice('/base'.length)
            .replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
          'latin1',
        ).toString('latin1'),
        path,
      );
    }),
    { numRuns: 300 },
  );
});
