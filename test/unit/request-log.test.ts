// The request line: uWSGI's default one, every variable of log-format, JSON, and which requests have a line.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  defaultTemplate,
  LOG_VARIABLES,
  type LogVariable,
  namesOf,
  parseLogTemplate,
} from '../../dist/base/log-template.js';
import { RequestLog, TextLines } from '../../dist/observe/request-log.js';
import { CTIME_FORMAT, compileDate } from '../../dist/observe/strftime.js';
import { WantedVars } from '../../dist/observe/wanted-vars.js';
import { lineOf, linesOf, RESPONSE, settingsOf } from '../helpers/log-request.js';
import { packet } from '../helpers/uwsgi-client.js';

const VARS = [
  ['REQUEST_METHOD', 'GET'],
  ['REQUEST_URI', '/a?b=c'],
  ['SERVER_PROTOCOL', 'HTTP/1.1'],
  ['REMOTE_ADDR', '192.0.2.1'],
  ['REMOTE_USER', 'ada'],
  ['CONTENT_LENGTH', '42'],
  ['HTTP_HOST', 'example.org'],
  ['HTTP_USER_AGENT', 'a browser'],
  ['HTTP_REFERER', 'http://example.org/'],
  ['HTTP_X_REQUEST_ID', 'id-7'],
] as const;
const PACKET_BYTES = VARS.reduce((sum, [key, value]) => sum + 4 + key.length + value.length, 0);

function withFormat(format: string, dateFormat?: string) {
  return settingsOf(parseLogTemplate(format), { dateFormat });
}

const DATE = '\\w{3} \\w{3} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d \\d{4}';

test('a request line is uWSGI’s default format, character by character', () => {
  const line = lineOf(settingsOf(defaultTemplate(false, false)), { vars: VARS });
  const [, date = ''] = new RegExp(`\\[(${DATE})\\]`).exec(line) ?? [];
  assert.equal(
    line,
    `[pid: ${process.pid}|app: 0|req: 1/12] 192.0.2.1 (ada) {20 vars in ${PACKET_BYTES} bytes} [${date}] GET /a?b=c => ` +
      'generated 1234 bytes in 5 msecs (HTTP/1.1 200) 2 headers in 80 bytes (1 switches on core 4)',
  );
  assert.ok(Math.abs(Date.parse(date) - Date.now()) < 60_000, date);
});

test('what is missing is nothing in the default line, and a dash in a format', () => {
  assert.match(
    lineOf(settingsOf(defaultTemplate(false, false))),
    /\] {2}\(\) \{0 vars in 0 bytes\} \[.*\] {3}=> generated /,
  );
  assert.equal(lineOf(withFormat('%(addr) %(user) %(var.X)')), '- - -');
  assert.equal(lineOf(withFormat('%(user)'), { vars: [['REMOTE_USER', '']] }), '-');
});

test('a front’s answer has no application: -1, as in uWSGI', () => {
  const line = lineOf(settingsOf(defaultTemplate(false, false)), { vars: VARS, workerId: 0 });
  assert.match(line, /^\[pid: \d+\|app: -1\|req: -1\/12\] .* \(0 switches on core 4\)$/);
});

test('log-micros and memory-report change the default line', () => {
  assert.match(lineOf(settingsOf(defaultTemplate(false, true))), / bytes in 5875 micros \(/);
  const [, space, spaceMb, rss, rssMb] = (
    /^\{address space usage: (\d+) bytes\/(\d+)MB\} \{rss usage: (\d+) bytes\/(\d+)MB\} \[pid: /.exec(
      lineOf(settingsOf(defaultTemplate(true, false))),
    ) ?? []
  ).map(Number);
  assert.ok(space !== undefined && rss !== undefined && space > 2 ** 20 && rss > 2 ** 20);
  assert.deepEqual([spaceMb, rssMb], [Math.floor(space / 2 ** 20), Math.floor(rss / 2 ** 20)]);
});

test('every variable of log-format has its value', () => {
  const expected: Record<Exclude<LogVariable, 'vsz' | 'rss' | 'vszM' | 'rssM'>, string | RegExp> = {
    uri: '/a?b=c',
    method: 'GET',
    user: 'ada',
    addr: '192.0.2.1',
    host: 'example.org',
    proto: 'HTTP/1.1',
    uagent: 'a browser',
    referer: 'http://example.org/',
    status: '404',
    rsize: '1234',
    hsize: '80',
    size: '1314',
    cl: '42',
    micros: '1234567',
    msecs: '1234',
    secs: '1.234567',
    time: /^\d{10}$/,
    tmsecs: /^\d{13}$/,
    tmicros: /^\d{16}$/,
    ctime: new RegExp(`^${DATE}$`),
    ltime: /^\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}$/,
    ftime: /^\d{4}-\d\d-\d\d$/,
    epoch: /^\d{10}$/,
    pid: String(process.pid),
    wid: '3',
    core: '4',
    switches: '1',
    vars: '20',
    pktsize: String(PACKET_BYTES),
    modifier1: '0',
    modifier2: '9',
    headers: '2',
    werr: '1',
    rerr: '0',
    ioerr: '1',
    app: '0',
    req: '1',
    reqs: '12',
    isotime: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
  };
  const request = { vars: VARS, response: { statusCode: 404, aborted: true }, elapsedMs: 1234.567, modifier2: 9 };
  for (const name of LOG_VARIABLES) {
    const line = lineOf(withFormat(`%(${name})`, '%Y-%m-%d'), request);
    const value = (expected as Record<string, string | RegExp>)[name] ?? /^\d+$/;
    if (typeof value === 'string') assert.equal(line, value, name);
    else assert.match(line, value, name);
  }
  assert.equal(lineOf(withFormat('%(var.HTTP_X_REQUEST_ID) %(var.REQUEST_URI)'), request), 'id-7 /a?b=c');
});

test('the host is the name of the server where the request names none, as in uWSGI', () => {
  const settings = withFormat('%(host)');
  const server = ['SERVER_NAME', 'server.example'] as const;
  assert.equal(lineOf(settings, { vars: [server, ['HTTP_HOST', 'asked.example']] }), 'asked.example');
  assert.equal(lineOf(settings, { vars: [['HTTP_HOST', ''], server] }), 'server.example');
  assert.equal(lineOf(settings, { vars: [server] }), 'server.example');
  assert.equal(lineOf(settings), '-');
});

test('the times of a request are those of its start, and agree with each other', () => {
  const before = Date.now();
  assert.equal(lineOf(withFormat('%(micros) %(secs)'), { elapsedMs: 1.8639 }), '1863 0.001863');
  const line = lineOf(withFormat('%(tmicros) %(tmsecs) %(time) %(epoch) %(isotime)|%(ctime)'), { elapsedMs: 60_000 });
  const [numbers = '', ctime] = line.split('|');
  const [micros = 0, ms = 0, seconds = 0, epoch = 0] = numbers.split(' ').map(Number);
  assert.ok(ms >= before - 60_001 && ms <= Date.now() - 60_000, line);
  assert.deepEqual([Math.floor(micros / 1000), Math.floor(ms / 1000)], [ms, seconds]);
  assert.ok(epoch === seconds + 60 || epoch === seconds + 61, line);
  assert.equal(numbers.split(' ')[4], new Date(ms).toISOString());
  assert.equal(ctime, compileDate(CTIME_FORMAT)(ms));
});

test('of a variable that is there twice, and of names of one length, the right one is taken', () => {
  const vars = [
    ['HTTP_AAA', 'first'],
    ['HTTP_BBB', 'other'],
    ['HTTP_AAA', 'last'],
  ] as const;
  assert.equal(
    lineOf(withFormat('%(var.HTTP_AAA) %(var.HTTP_BBB) %(var.HTTP_CCC) %(vars)'), { vars }),
    'last other - 6',
  );
});

test('the packet of one request leaves nothing behind for the next', () => {
  const lines: string[] = [];
  const log = new RequestLog(
    withFormat('%(user) %(cl) %(req) %(uri)'),
    1,
    new TextLines((line) => lines.push(line)),
    () => 1,
  );
  for (const vars of [VARS, []]) {
    const bytes = packet(vars);
    log.log({ packet: bytes, varsStart: 4, varsEnd: bytes.length, core: 0, startedMs: 0, scan: 0 }, RESPONSE, 1);
  }
  assert.deepEqual(lines, ['ada 42 1 /a?b=c', '- 0 2 -']);
});

test('requests that were looked through in one order and end in another have each their own line', () => {
  const lines: string[] = [];
  const vars = new WantedVars();
  const log = new RequestLog(withFormat('%(uri) %(vars)'), 1, new TextLines((line) => lines.push(line)), () => 1, vars);
  const requests = ['/a', '/b', '/c'].map((uri, i) => {
    const bytes = packet([['REQUEST_URI', uri], ...Array.from({ length: i }, () => ['X', ''] as const)]);
    const scan = vars.scan(bytes, 4, bytes.length);
    return { packet: bytes, varsStart: 4, varsEnd: bytes.length, core: 0, startedMs: 0, scan };
  });
  for (const i of [2, 0, 1, 2]) log.log(requests[i] as (typeof requests)[number], RESPONSE, 1);
  assert.deepEqual(lines, ['/c 6', '/a 2', '/b 4', '/c 6']);
});

test('text around variables stands as it is, at whatever length and place', () => {
  for (let length = 0; length < 20; length++) {
    const text = 'äbc€efghijklmnopqrstu'.slice(0, length);
    for (const before of ['', 'x', 'xy', 'xyz']) {
      const format = `${before}%(core)${text}%(user)${text}%(var.NONE)${text}%(wid)${text}`;
      const expected = `${before}4${text}ada${text}-${text}3${text}`;
      assert.equal(lineOf(withFormat(format), { vars: VARS }), expected);
    }
  }
});

test('a line is as long as it has to be', () => {
  const uri = `/${'x'.repeat(60_000)}`;
  assert.equal(lineOf(withFormat('%(uri)|%(uri)'), { vars: [['REQUEST_URI', uri]] }), `${uri}|${uri}`);
  const evil = '\x01'.repeat(60_000);
  assert.equal(lineOf(withFormat('%(uri)'), { vars: [['REQUEST_URI', evil]] }), '\\x01'.repeat(60_000));
});

test('text stays readable, what is none is shown, and quotes cannot be left', () => {
  const utf8 = Buffer.from('größe 日本').toString('latin1');
  for (const [value, plain, quoted] of [
    [utf8, 'größe 日本', 'größe 日本'],
    ['gr\xf6\xdfe', 'gr\\xf6\\xdfe', 'gr\\xf6\\xdfe'],
    ['a"b\\c', 'a"b\\c', 'a\\x22b\\x5cc'],
    ['\r\n\t\x1b[2J\x7f', '\\x0d\\x0a\\x09\\x1b[2J\\x7f', '\\x0d\\x0a\\x09\\x1b[2J\\x7f'],
    [Buffer.from('\u009b1m"').toString('latin1'), '\\x9b1m"', '\\x9b1m\\x22'],
    [Buffer.from('\u202egnp.exe\u2028').toString('latin1'), '\\u202egnp.exe\\u2028', '\\u202egnp.exe\\u2028'],
  ] as const) {
    const vars = [['HTTP_USER_AGENT', value]] as const;
    assert.equal(lineOf(withFormat('%(uagent) "%(uagent)"'), { vars }), `${plain} "${quoted}"`);
  }
});

test('a JSON object of one’s own: text inside quotes, values outside', () => {
  const format =
    '{"u": "%(uri)?", "user":%(user), "n":%(status), "s":"%(status)", "none":%(var.X), "dash":"%(var.X)", "t":%(secs)}';
  assert.deepEqual(
    JSON.parse(
      lineOf(withFormat(format), {
        vars: [
          ['REQUEST_URI', '/"\\\n'],
          ['REMOTE_USER', 'ada'],
        ],
      }),
    ),
    {
      u: '/"\\\n?',
      user: 'ada',
      n: 200,
      s: '200',
      none: null,
      dash: '-',
      t: 0.005875,
    },
  );
});

test('log-format = json tells what one wants to know of a request', () => {
  const line = JSON.parse(lineOf(withFormat('json'), { vars: VARS }));
  assert.match(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  delete line.time;
  assert.deepEqual(line, {
    addr: '192.0.2.1',
    user: 'ada',
    method: 'GET',
    uri: '/a?b=c',
    proto: 'HTTP/1.1',
    host: 'example.org',
    status: 200,
    bytes: 1234,
    micros: 5875,
    referer: 'http://example.org/',
    uagent: 'a browser',
    pid: process.pid,
    worker: 3,
  });
});

test('a template that looks like a JSON object and is none is an error; names that mean nothing are known', () => {
  for (const format of ['{"a": %(uri) %(user)}', '{%(uri)}', '{"a":"%(uri)}', "{'a':1}"]) {
    assert.throws(() => parseLogTemplate(format), /begins and ends like a JSON object and is none/, format);
  }
  const template = parseLogTemplate('%(uri) %(mine) %(metric.x) %(var.X) %() % (uri)');
  assert.deepEqual(namesOf(template, 'nothing'), ['metric.x']);
  assert.deepEqual(namesOf(template, 'application'), ['mine']);
  assert.equal(lineOf(withFormat('%(metric.x)'), { logVariables: new Map([['metric.x', 'set']]) }), '-');
  assert.equal(lineOf(withFormat('a %(nothing) b %() %(uri')), 'a - b %() %(uri');
});

test('with disable-logging, only what is named has a line', () => {
  const template = parseLogTemplate('x');
  const isLogged = (what: object, response: object, elapsedMs = 5) =>
    linesOf(settingsOf(template, { all: false, ...what }), { response, elapsedMs }).length === 1;
  const answers = [200, 302, 399, 400, 404, 499, 500, 503, 599].map((statusCode) => ({ statusCode }));
  const logged = (what: object) => answers.filter((each) => isLogged(what, each)).map(({ statusCode }) => statusCode);
  assert.deepEqual(logged({}), []);
  assert.deepEqual(logged({ status4xx: true }), [400, 404, 499]);
  assert.deepEqual(logged({ status5xx: true }), [500, 503, 599]);
  assert.deepEqual(logged({ status4xx: true, status5xx: true }), [400, 404, 499, 500, 503, 599]);
  assert.deepEqual([isLogged({ slowMs: 100 }, {}, 99.9), isLogged({ slowMs: 100 }, {}, 100)], [false, true]);
  assert.deepEqual(
    [isLogged({ bigBytes: 10 }, { bodyBytes: 9 }), isLogged({ bigBytes: 10 }, { bodyBytes: 10 })],
    [false, true],
  );
  assert.deepEqual(
    [isLogged({ zero: true }, { bodyBytes: 1 }), isLogged({ zero: true }, { bodyBytes: 0 })],
    [false, true],
  );
  assert.deepEqual([isLogged({ ioError: true }, {}), isLogged({ ioError: true }, { aborted: true })], [false, true]);
  assert.equal(isLogged({ all: true }, {}), true);
});

test('with log-x-forwarded-for the address is the client’s, as trusted proxies have it', () => {
  const template = parseLogTemplate('%(addr) {%(vars)}');
  const of = (address: string, header: string, forwardedBy: readonly string[] | undefined) =>
    lineOf(settingsOf(template, { forwardedBy }), {
      vars: [
        ['REMOTE_ADDR', address],
        ['HTTP_X_FORWARDED_FOR', header],
      ],
    });
  assert.equal(of('127.0.0.1', '203.0.113.9, 192.0.2.7', undefined), '127.0.0.1 {4}');
  assert.equal(of('127.0.0.1', '203.0.113.9, 192.0.2.7', []), '192.0.2.7 {4}');
  assert.equal(of('127.0.0.1', '203.0.113.9, 192.0.2.7', ['127.0.0.1', '192.0.2.0/24']), '203.0.113.9 {4}');
  assert.equal(of('198.51.100.1', '192.0.2.7', ['127.0.0.1']), '198.51.100.1 {4}');
  assert.equal(of('127.0.0.1', 'evil"\n', []), '127.0.0.1 {4}');
  assert.equal(of('', '', []), '- {4}');
});

test('what the application has set stands in the line where its name does, and is no part of the next one', () => {
  const settings = withFormat('%(mine) "%(mine)" %(uri) %(empty)');
  const logVariables = new Map([
    ['mine', 'a "b"\n\u202e'],
    ['uri', 'not this'],
    ['empty', ''],
  ]);
  assert.equal(lineOf(settings, { logVariables }), 'a "b"\\x0a\\u202e "a \\x22b\\x22\\x0a\\u202e" - -');
  assert.equal(lineOf(settings), '- "-" - -');
  const json = withFormat('{"v": %(mine), "t": "<%(mine)>", "e": %(empty)}');
  assert.deepEqual(JSON.parse(lineOf(json, { logVariables })), { v: 'a "b"\n\u202e', t: '<a "b"\n\u202e>', e: null });
});
