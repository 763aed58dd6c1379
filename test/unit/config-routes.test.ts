// The `route…` and `add-header` options: what they are read as, and that what cannot be had is an error with its place and a way out.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are what is tested
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePattern } from '../../dist/config/route-pattern.js';
import { errorOf, loadLines, makeFolder } from './config-fixture.js';

const folder = makeFolder();

test('route options of every name are one list, in the order of the file', () => {
  const { routes } = loadLines(
    [
      'route-host = ^old\\.example$ redirect-permanent:https://new.example${REQUEST_URI}',
      'route = ^/x goto:end',
      'route-if-not = equal:${REMOTE_USER};ada break:403 Forbidden',
      'route-label = end',
      'route-run = addheader:X-A: ${cookie[c]}$1',
    ],
    folder,
  );
  assert.deepEqual(
    routes.map(({ action, negated }) => [action, negated]),
    [
      [
        {
          kind: 'redirect',
          status: 301,
          location: [
            { kind: 'text', text: 'https://new.example' },
            { kind: 'var', name: 'REQUEST_URI' },
          ],
        },
        false,
      ],
      [{ kind: 'goto', index: 3 }, false],
      [{ kind: 'answer', status: 403, text: 'Forbidden' }, true],
      [
        {
          kind: 'header',
          name: 'X-A',
          value: [
            { kind: 'cookie', name: 'c' },
            { kind: 'group', index: 1 },
          ],
        },
        false,
      ],
    ],
  );
});

test('patterns and arguments are bytes: UTF-8, one character each', () => {
  const [route] = loadLines(['route = ^/ü redirect:/é'], folder).routes;
  assert.ok(route?.test.kind === 'match' && route.action.kind === 'redirect');
  assert.ok(route.test.pattern.regexp.test(Buffer.from('/ü').toString('latin1')));
  assert.deepEqual(route.action.location, [{ kind: 'text', text: '/\xc3\xa9' }]);
});

const WRONG: readonly (readonly [line: string, says: RegExp])[] = [
  ['route = ^/x', /"route" at app\.ini:2:9: PATTERN ACTION:ARGUMENT is wanted/],
  ['route = ^/x nothing', /ACTION:ARGUMENT is wanted, got "nothing"/],
  [
    'route = ^/x basicauth:Realm,a:b',
    /there is no action "basicauth" here: authenticate in nginx or in the application/,
  ],
  ['route = ^/x uwsgi:127.0.0.1:3031,0,0', /there is no action "uwsgi" here: let nginx pass the request on/],
  ['route = ^/x fly:away', /there is no action "fly": those that exist are last, continue/],
  ['route = ^/x constructor:a', /there is no action "constructor": those/],
  ['route = ^/x break:', /a status such as break:403 is wanted, got nothing/],
  ['route = ^/x break:99', /a status such as break:403 is wanted, got "99"/],
  ['route = ^/x break:100 Continue', /a status such as break:403/],
  ['route = ^/x redirect:', /a URL is wanted behind the colon/],
  ['route = ^/x redirect:${time[unix]}', /there is no \$\{time\[…\]\} here/],
  ['route = ^/x redirect:${}', /the name of a variable is wanted/],
  ['route = ^/x static:$1', /a folder is wanted before the first variable/],
  ['route = ^/x addheader:nothing', /a header "Name: value" is wanted, got "nothing"/],
  ['route = ^/x addheader:Content-Length: 5', /Content-Length is set by the server/],
  ['route = ^/x addvar:CONTENT_LENGTH=5', /CONTENT_LENGTH cannot be changed any more/],
  ['route = ^/x addvar:5', /addvar:NAME=VALUE is wanted/],
  ['route = ^/x goto:nowhere', /there is no route-label nowhere/],
  ['route = ( last:', /"route" at app\.ini:2:9: Invalid regular expression: .*Unterminated group/],
  ['route = [ last:', /Unterminated character class/],
  ['route-if = equal:a;b', /CONDITION:A;B ACTION:ARGUMENT is wanted/],
  ['route-if = exists:/x last:', /there is no condition "exists" here/],
  ['route-if = equal:a last:', /equal:A;B is wanted/],
  [
    'route-if = ipv4in:${REMOTE_ADDR};10.0.0.0/99 last:',
    /an IP address, a network such as 10\.0\.0\.0\/8, or \* is wanted/,
  ],
  ['response-route = ^/x addheader:A: b', /"response-route" .*there is no such thing here: only what is asked before/],
  ['add-header = X', /"add-header" at app\.ini:2:14: a header "Name: value" is wanted/],
  ['add-header = Transfer-Encoding: chunked', /Transfer-Encoding is set by the server/],
  ['add-header = A b: c', /a header "Name: value" is wanted/],
  ['http-to-https = :80,x', /ADDR\[,PORT\] is wanted/],
];

for (const [line, says] of WRONG) {
  test(`${line} is an error: ${says.source.slice(0, 60)}`, () => {
    assert.match(errorOf(() => loadLines([line], folder)).message, says);
  });
}

test('goto only leads forward', () => {
  const lines = ['route-label = back', 'route-run = goto:back'];
  assert.match(errorOf(() => loadLines(lines, folder)).message, /goto only leads forward/);
});

const NOT_KNOWN = [
  '\\Aa',
  '\\p{L}',
  '(?>a)',
  '(?P<n>a)',
  '(?#x)',
  '(?<=a)b',
  '[[:alpha:]]',
  '[]a]',
  '[^]a]',
  '\\1',
  '\\h',
  '(?x)a',
  '[\\A]',
];
for (const pattern of NOT_KNOWN) {
  test(`the pattern ${pattern} would mean something else in JavaScript, and is refused`, () => {
    assert.throws(() => parsePattern(pattern), /not known|is written|only i, m and s/);
  });
}

const ENDLESS = [
  '(a+)+',
  '^(a|b)*$',
  '(a?)*',
  '(?:x(y*))+',
  '((a)*b){2,}',
  '(a*){5}',
  '(?:(?:a|b))*',
  '(a|a)*b',
  '(\\d+,?)+',
];
for (const pattern of ENDLESS) {
  test(`the pattern ${pattern} may take forever, and is refused`, () => {
    assert.throws(() => parsePattern(pattern), /can take forever to match/);
  });
}

const GOOD = [
  '^/old/(.*)$',
  '^/([^/]+)/(\\d{4})/?$',
  '(?i)^/(?:a|b)/(.*)',
  '^(?!/static/).*$',
  '^/(en|de)(?:/(.*))?$',
  '(?:ab)*',
  '\\.(php|asp)$',
  '^/[\\]^-]+',
  '(?<year>\\d+)',
];
for (const pattern of GOOD) {
  test(`the pattern ${pattern} is taken`, () => {
    assert.ok(parsePattern(pattern).bytesMax > 100);
  });
}

test('patterns whose repeats can only end in one place are tried on any text', () => {
  for (const pattern of [
    '^/([^/]+)/([^/]+)/([^/]+)$',
    '^/(.*)/(.*)$',
    '(.*)\\.php$',
    '^/\\d+-x',
    'abc',
    '^/x(?:/(.*))?$',
  ]) {
    assert.equal(parsePattern(pattern).bytesMax, 65_535, pattern);
  }
  for (const pattern of ['/(.*)x', '^/(.*)/(.*)/x', '^[a-z]+e[0-9]*1', '^(?:/ab)+x*', '^a*a?b*$']) {
    assert.ok(parsePattern(pattern).bytesMax < 65_535, pattern);
  }
});

test('a pattern that begins with anything matches what it would have matched', () => {
  assert.deepEqual([...(parsePattern('(.*)b').regexp.exec('a\nbcb') ?? [])], ['a\nbcb', 'a\nbc']);
});

test('a dot is any byte, line ends included; (?i) does not look at case', () => {
  assert.ok(parsePattern('^/admin.*$').regexp.test('/admin\n/x'));
  assert.ok(parsePattern('(?i)^/ADMIN').regexp.test('/admin'));
  assert.ok(!parsePattern('^/ADMIN').regexp.test('/admin'));
});

/** Texts on which patterns with several repeats go back most often. */
const COSTLY: readonly (readonly [pattern: string, unit: string])[] = [
  ['.*x', 'a'],
  ['^(.*)a(.*)a\\n', 'a'],
  ['^a*a*a*\\n', 'a'],
  ['^a*a*a*a*\\n', 'a'],
  ['a*a*a*\\n', 'a'],
  ['(?!a*a*b)a*a*\\n', 'a'],
];
for (const [pattern, unit] of COSTLY) {
  test(`the pattern ${pattern} is only tried on texts that it is done with soon`, () => {
    const { regexp, bytesMax } = parsePattern(pattern);
    const begun = process.cpuUsage().user;
    assert.equal(regexp.test(unit.repeat(bytesMax)), false);
    const tookMs = (process.cpuUsage().user - begun) / 1000;
    // Processor time, and an order of magnitude above what is seen: without the bound it would be hours.
    assert.ok(tookMs < 2000, `${tookMs} ms for ${bytesMax} bytes`);
  });
}
