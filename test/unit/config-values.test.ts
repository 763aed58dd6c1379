// Values by their kind, and the words an operator gets when one is wrong.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorOf, loadLines, makeFolder, warningsOf } from './config-fixture.js';

const folder = makeFolder();
const reason = (line: string) => {
  const [first = ''] = errorOf(() => loadLines([line], folder)).message.split('\n');
  return first.replace(/^Cannot parse option "[^"]*" at app\.ini:2:\d+: /, '');
};

const WRONG = [
  ['processes = 64k', 'a whole number of workers is wanted, got "64k"'],
  ['processes = true', 'a whole number of workers is wanted, got "true"'],
  ['processes = -1', 'value must be >= 1, got -1'],
  ['processes = 0', 'value must be >= 1, got 0'],
  ['processes = 1025', 'value must be <= 1024, got 1025'],
  ['processes =', 'a whole number of workers is wanted, got ""'],
  ['processes = auto', 'a whole number of workers is wanted, got "auto"; %k is the number of CPUs'],
  ['processes = 2.5', 'a whole number of workers is wanted, got "2.5"'],
  ['processes = 0x10', 'a whole number of workers is wanted, got "0x10"'],
  ['harakiri = -1', 'value must be >= 0, got -1'],
  ['harakiri = 30s', 'a whole number of seconds is wanted, got "30s"'],
  ['log-slow = fast', 'a whole number of milliseconds is wanted, got "fast"'],
  ['reload-on-as = 1g', 'a whole number of megabytes is wanted, got "1g"'],
  ['limit-post = 1t', 'a whole number of bytes, with k, m or g for 1024s of them is wanted, got "1t"'],
  ['limit-post = 99999999999999999999', 'value is too large, got 99999999999999999999'],
  ['buffer-size = 100', 'value must be >= 256, got 100'],
  ['chmod-socket = 0664', '3 octal digits are wanted, such as 664, got "0664"'],
  ['chmod-socket = 888', '3 octal digits are wanted, such as 664, got "888"'],
  ['umask = 00022', '1 to 4 octal digits are wanted, such as 664, got "00022"'],
  ['http-engine = fast', 'one of auto, epoll, uws, node is wanted, got "fast"'],
  ['app-kind = php', 'one of wsgi, fetch, node, python is wanted, got "php"'],
  ['env = NAME', 'NAME=VALUE is wanted, got "NAME"'],
  ['env = =x', 'NAME=VALUE is wanted, got "=x"'],
  ['chdir =', 'a value is wanted'],
  ['socket = localhost:http', 'a port is wanted after the colon, got "localhost:http"'],
  ['module = :app', 'PKG.MOD:CALLABLE is wanted, got ":app"'],
  ['module = pkg:', 'PKG.MOD:CALLABLE is wanted, got "pkg:"'],
  ['mule = 1', 'there is no such thing here: start a worker_threads thread or another process from the application'],
  ['show-config = true', 'it is a command and stands on the command line only'],
] as const;

for (const [line, expected] of WRONG) {
  test(`"${line}" is an error: ${expected}`, () => {
    assert.equal(reason(line), expected);
  });
}

test('sizes carry k, m and g, in either case', () => {
  assert.equal(loadLines(['limit-post = 64k'], folder).limitPostBytes, 65536);
  assert.equal(loadLines(['limit-post = 2M'], folder).limitPostBytes, 2_097_152);
  assert.equal(loadLines(['limit-post = 10g'], folder).limitPostBytes, 10_737_418_240);
  assert.equal(loadLines(['limit-post = 1kb'], folder).limitPostBytes, 1024);
});

test('buffer-size above what a packet can say is lowered, with a warning', () => {
  const configuration = loadLines(['buffer-size = 65536'], folder);
  assert.equal(configuration.varsBytesMax, 65535);
  assert.deepEqual(warningsOf(configuration), [
    'Option "buffer-size" at app.ini:2:15 is lowered from 65536 to 65535, the largest that is possible',
  ]);
});

test('http-keepalive is seconds, or a switch', () => {
  assert.equal(loadLines(['http-keepalive = 5'], folder).httpKeepaliveMs, 5000);
  assert.equal(loadLines(['http-keepalive'], folder).httpKeepaliveMs, 60_000);
  assert.equal(loadLines(['http-keepalive = true'], folder).httpKeepaliveMs, 60_000);
  assert.equal(loadLines(['http-keepalive = off'], folder).httpKeepaliveMs, 0);
});

test('log-date = true is the default format', () => {
  assert.equal(loadLines(['log-date = true'], folder).logPlan.dateFormat, '');
  assert.equal(loadLines(['log-date'], folder).logPlan.dateFormat, '');
  assert.equal(loadLines(['log-date = %%H'], folder).logPlan.dateFormat, '%H');
  assert.equal(loadLines([], folder).logPlan.dateFormat, undefined);
});

test('module names the callable, else callable does', () => {
  const callable = (lines: readonly string[]) => loadLines(lines, folder).callable;
  assert.equal(callable(['module = a']), undefined);
  assert.equal(callable(['module = a:b', 'callable = c']), 'b');
  assert.equal(callable(['module = a', 'callable = c']), 'c');
});

test('options say at start what they do not do, or should not, with their place, once per line', () => {
  const { notices } = loadLines(
    ['catch-exceptions = true', 'thunder-lock = true', 'processes = 2', 'catch-exceptions'],
    folder,
  );
  assert.deepEqual(
    notices.map((notice) => [notice.level, notice.text, notice.place?.line]),
    [
      ['info', 'Option "thunder-lock" at app.ini:3:16 has no effect: workers do not compete for connections', 3],
      [
        'warning',
        'Option "catch-exceptions" at app.ini:5:1 shows code and variables to whoever makes a request fail: never use it in production',
        5,
      ],
    ],
  );
  assert.deepEqual(loadLines(['catch-exceptions = no'], folder).notices, []);
});
