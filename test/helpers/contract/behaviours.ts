// What every kind of application does on every front, over HTTP and uwsgi: each behaviour once.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Ask, Client } from './client.js';
import { pattern, RESPONSE_HEADERS, type RequestFacts, SECRET } from './material.js';

export interface Behaviour {
  /** A sentence: what is so. */
  readonly name: string;
  run(client: Client): Promise<void>;
}

const MEGABYTE = 1_048_576;
const SIZES = [0, 1, 100, 4096, 65_535, 65_536, 65_537, MEGABYTE, 10 * MEGABYTE];

function behaviour(name: string, run: (client: Client) => Promise<void>): Behaviour {
  return { name, run };
}

/** A behaviour that is one request and its answer. */
function answers(name: string, ask: Ask | string, check: (answer: Answer) => void): Behaviour {
  const asked = typeof ask === 'string' ? { target: ask } : ask;
  return behaviour(name, async (client) => check(await client.ask(asked)));
}

export function valuesOf(answer: Answer, wanted: string): readonly string[] {
  return answer.headers.filter(([name]) => name === wanted).map(([, value]) => value);
}

export function assertText(answer: Answer, status: number, text: string): void {
  assert.deepEqual([answer.status, answer.body.toString(), answer.complete], [status, text, true]);
}

function assertBytes(answer: Answer, bytes: Buffer): void {
  assert.deepEqual([answer.status, answer.body.length, answer.complete], [200, bytes.length, true]);
  assert.ok(answer.body.equals(bytes), 'the bytes differ');
}

async function factsOf(client: Client, ask: Ask): Promise<RequestFacts> {
  const answer = await client.ask({ target: '/request', ...ask });
  return JSON.parse(answer.body.toString());
}

async function countersOf(client: Client): Promise<{ readonly requests: number; readonly left: number }> {
  return JSON.parse((await client.ask({ target: '/counters' })).body.toString());
}

async function untilLeft(client: Client, left: number): Promise<void> {
  while ((await countersOf(client)).left < left) await sleep(10);
}

const bodiesOut: readonly Behaviour[] = [
  answers('an answer has its status, its reason, its type and its body', '/hello', (answer) => {
    assertText(answer, 200, 'hello');
    assert.equal(answer.reason, 'OK');
    assert.match(valuesOf(answer, 'content-type').join(), /^text\/plain/);
  }),
  answers('an answer may have no body', '/empty', (answer) => assertText(answer, 200, '')),
  ...SIZES.map((size) =>
    answers(`${size} bytes arrive whole`, `/bytes/${size}`, (answer) => assertBytes(answer, pattern(size))),
  ),
  answers('many small chunks arrive whole and in order', '/stream/3/500', (answer) => {
    assertBytes(answer, Buffer.concat(Array.from({ length: 500 }, () => pattern(3))));
  }),
  answers('large chunks arrive whole and in order', '/stream/100000/30', (answer) => {
    assertBytes(answer, Buffer.concat(Array.from({ length: 30 }, () => pattern(100_000))));
  }),
  answers('a length that the application gives stays', '/length/5000', (answer) => {
    assertBytes(answer, pattern(5000));
    assert.deepEqual(valuesOf(answer, 'content-length'), ['5000']);
    assert.deepEqual(valuesOf(answer, 'transfer-encoding'), []);
  }),
  answers('text is UTF-8', '/unicode', (answer) => assertText(answer, 200, 'grün €')),
  behaviour('an event stream arrives event by event', async (client) => {
    const visit = client.visit({ target: '/events' });
    await visit.until((bytes) => bytes.includes('data: 0\n\n'));
    assert.ok(!visit.received.includes('data: 2'), 'the last event came with the first');
    const { bytes, error } = await visit.ended;
    assertText(client.parse(bytes, error), 200, 'data: 0\n\ndata: 1\n\ndata: 2\n\n');
  }),
  behaviour('a client that reads slowly gets everything', async (client) => {
    const visit = client.visit({ target: `/stream/100000/60` });
    for (let i = 0; i < 6; i++) {
      visit.pause();
      await sleep(15);
      visit.resume();
      await sleep(5);
    }
    const { bytes, error } = await visit.ended;
    assertBytes(client.parse(bytes, error), Buffer.concat(Array.from({ length: 60 }, () => pattern(100_000))));
  }),
];

const bodiesIn: readonly Behaviour[] = [
  ...SIZES.map((size) =>
    answers(
      `a body of ${size} bytes reaches the application, and comes back`,
      { method: 'POST', target: '/echo', body: pattern(size), headers: [['Content-Type', 'application/x-any']] },
      (answer) => {
        assertBytes(answer, pattern(size));
        assert.deepEqual(valuesOf(answer, 'content-type'), ['application/x-any']);
      },
    ),
  ),
  answers(
    'a body is streamed in and out',
    { method: 'PUT', target: '/stream-echo', body: pattern(3 * MEGABYTE) },
    (answer) => assertBytes(answer, pattern(3 * MEGABYTE)),
  ),
  answers(
    'every value of a byte goes through',
    { method: 'POST', target: '/echo', body: Buffer.from(Array.from({ length: 256 }, (_, i) => i)) },
    (answer) => assertBytes(answer, Buffer.from(Array.from({ length: 256 }, (_, i) => i))),
  ),
  answers(
    'JSON is read and written',
    { method: 'POST', target: '/json', body: '{"ü": [1, null]}', headers: [['Content-Type', 'application/json']] },
    (answer) => {
      assertText(answer, 200, '{"ü":[1,null]}');
      assert.match(valuesOf(answer, 'content-type').join(), /^application\/json/);
    },
  ),
  answers(
    'JSON that is none is an error of the application',
    { method: 'POST', target: '/json', body: '{' },
    (answer) => assert.equal(answer.status, 500),
  ),
  answers(
    'an answer need not wait for a body that nobody reads',
    { method: 'POST', target: '/hello', body: pattern(MEGABYTE) },
    (answer) => assertText(answer, 200, 'hello'),
  ),
  answers('a body may be read in part', { method: 'POST', target: '/part/10', body: pattern(MEGABYTE) }, (answer) =>
    assertBytes(answer, pattern(MEGABYTE).subarray(0, 10)),
  ),
  behaviour('a client that leaves amid its body never reaches the application', async (client) => {
    const before = (await countersOf(client)).requests;
    for (const missing of [99_990, 1]) {
      const visit = client.visit({ method: 'POST', target: '/echo', body: pattern(100_000) }, missing);
      await sleep(20);
      visit.leave();
      await visit.ended;
    }
    assertText(await client.ask({ target: '/hello' }), 200, 'hello');
    assert.equal((await countersOf(client)).requests, before + 2);
  }),
];

const requestLines: readonly Behaviour[] = [
  ...['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'PURGE'].map((method) =>
    behaviour(`the method ${method} arrives`, async (client) => {
      const body = method === 'GET' ? {} : { body: '' };
      assert.equal((await factsOf(client, { method, ...body })).method, method);
    }),
  ),
  ...[
    ['a query', '/request?a=1&b=2'],
    ['an empty query', '/request?'],
    ['a query with a question mark and escapes', '/request?a=%20?+%C3%BC&a'],
    ['an escaped slash, blank and percent sign', '/request/a%2Fb%20c%25'],
    ['UTF-8 in escapes', '/request/gr%C3%BCn'],
    ['two slashes', '/request//a///b'],
    ['characters that need no escape', "/request/-._~!$&'()*+,;=:@"],
    ['eight thousand characters', `/request/${'x'.repeat(8000)}`],
  ].map(([name = '', target = '']) =>
    behaviour(`a target with ${name} arrives as it was sent`, async (client) => {
      assert.equal((await factsOf(client, { target })).target, target);
    }),
  ),
  behaviour('the address of the client arrives', async (client) => {
    assert.equal((await factsOf(client, {})).address, '127.0.0.1');
  }),
  behaviour('the host arrives', async (client) => {
    const { headers } = await factsOf(client, { headers: [['Host', 'example.com:8080']] });
    assert.equal(headers.host, 'example.com:8080');
  }),
  behaviour('plain HTTP is known as such', async (client) => {
    assert.equal((await factsOf(client, {})).secure, false);
  }),
];

const requestHeaders: readonly Behaviour[] = [
  behaviour('headers arrive whatever the case of their names', async (client) => {
    const { headers } = await factsOf(client, { headers: [['x-LoWer-Case', 'Value']] });
    assert.equal(headers['x-lower-case'], 'Value');
  }),
  behaviour('a header that comes twice arrives with both values', async (client) => {
    const { headers } = await factsOf(client, {
      headers: [
        ['X-Twice', 'a'],
        ['X-Twice', 'b'],
      ],
    });
    assert.equal(headers['x-twice'], 'a, b');
  }),
  behaviour('cookies arrive joined as cookies are', async (client) => {
    const { headers } = await factsOf(client, {
      headers: [
        ['Cookie', 'a=1'],
        ['Cookie', 'b=2'],
      ],
    });
    assert.equal(headers.cookie, 'a=1; b=2');
  }),
  behaviour('a header without a value arrives', async (client) => {
    assert.equal((await factsOf(client, { headers: [['X-Empty', '']] })).headers['x-empty'], '');
  }),
  behaviour('a header of Latin-1 arrives byte by byte', async (client) => {
    assert.equal((await factsOf(client, { headers: [['X-Latin', 'caf\xe9']] })).headers['x-latin'], 'caf\xe9');
  }),
  behaviour('a header of 8000 bytes arrives', async (client) => {
    const value = 'v'.repeat(8000);
    assert.equal((await factsOf(client, { headers: [['X-Large', value]] })).headers['x-large'], value);
  }),
  behaviour('sixty headers arrive', async (client) => {
    const sent = Array.from({ length: 60 }, (_, i) => [`X-${i}`, `value ${i}`] as const);
    const { headers } = await factsOf(client, { headers: sent });
    for (const [name, value] of sent) assert.equal(headers[name.toLowerCase()], value);
  }),
  behaviour('type and length of a body arrive as headers', async (client) => {
    const { headers } = await factsOf(client, { method: 'POST', body: 'abc', headers: [['Content-Type', 'text/x']] });
    assert.deepEqual([headers['content-type'], headers['content-length']], ['text/x', '3']);
  }),
];

const statuses: readonly Behaviour[] = [
  ...[
    [201, 'Created'],
    [404, 'Not Found'],
    [418, "I'm a Teapot"],
    [503, 'Service Unavailable'],
  ].map(([status, reason]) =>
    answers(`status ${status} has its reason`, `/status/${status}`, (answer) => {
      assertText(answer, Number(status), `status ${status}`);
      assert.equal(answer.reason.toLowerCase(), String(reason).toLowerCase());
    }),
  ),
  answers('a status without a reason gets one', '/status/599', (answer) => {
    assertText(answer, 599, 'status 599');
    assert.notEqual(answer.reason, '');
  }),
  answers('a reason of the application stays', '/reason', (answer) => {
    assert.deepEqual([answer.status, answer.reason], [299, 'Quite Fine']);
  }),
  ...[204, 205, 304].map((status) =>
    answers(`status ${status} has no body`, `/status/${status}`, (answer) => assertText(answer, status, '')),
  ),
  answers('a redirect is not touched', '/redirect', (answer) => {
    assert.deepEqual([answer.status, valuesOf(answer, 'location')], [302, ['/elsewhere?a=b']]);
  }),
  answers('HEAD gets the head and no body', { method: 'HEAD', target: '/hello' }, (answer) => {
    assertText(answer, 200, '');
    assert.match(valuesOf(answer, 'content-type').join(), /^text\/plain/);
  }),
  answers('HEAD keeps the length that the application gives', { method: 'HEAD', target: '/length/5000' }, (answer) => {
    assertText(answer, 200, '');
    assert.deepEqual(valuesOf(answer, 'content-length'), ['5000']);
  }),
  behaviour('HEAD ends a body that has no end', async (client) => {
    const { left } = await countersOf(client);
    assertText(await client.ask({ method: 'HEAD', target: '/endless' }), 200, '');
    await untilLeft(client, left + 1);
  }),
];

const responseHeaders: readonly Behaviour[] = [
  answers('headers of the answer arrive, each cookie by itself', '/headers', (answer) => {
    for (const name of new Set(RESPONSE_HEADERS.map(([each]) => each))) {
      const sent = RESPONSE_HEADERS.filter(([each]) => each === name).map(([, value]) => value);
      assert.deepEqual(valuesOf(answer, name.toLowerCase()), sent, name);
    }
  }),
  answers('a header of 20000 bytes is sent', '/large-header/20000', (answer) => {
    assert.equal(valuesOf(answer, 'x-large')[0]?.length, 20_000);
  }),
  answers('a header larger than a head may be is an error of the application', '/large-header/70000', (answer) => {
    assert.equal(answer.status, 500);
  }),
  answers('a Date of the application is the only one', '/date', (answer) => {
    assert.deepEqual(valuesOf(answer, 'date'), ['Thu, 01 Jan 1970 00:00:00 GMT']);
  }),
  answers('a line break in a header is an error of the application, and injects nothing', '/bad-header', (answer) => {
    assert.equal(answer.status, 500);
    assert.deepEqual(valuesOf(answer, 'injected'), []);
  }),
];

const failures: readonly Behaviour[] = [
  answers('an application that throws is answered 500, without a word of its error', '/throw', (answer) => {
    assertText(answer, 500, 'Internal Server Error\n');
  }),
  answers('an application that rejects is answered 500, without a word of its error', '/reject', (answer) => {
    assertText(answer, 500, 'Internal Server Error\n');
  }),
  behaviour('an application that fails after it has begun cuts the answer', async (client) => {
    const { bytes, error } = await client.visit({ target: '/break' }).ended;
    assert.ok(!bytes.includes(SECRET) && !bytes.includes('    at '));
    if (bytes.length === 0) return;
    // What had not left yet is answered 500 instead.
    const { status, complete } = client.parse(bytes, error);
    assert.ok(!complete || status === 500, bytes.toString('latin1'));
  }),
  behaviour('an answer shorter than its length is cut', async (client) => {
    const { bytes, error } = await client.visit({ target: '/short' }).ended;
    if (bytes.length > 0) assert.ok(!client.parse(bytes, error).complete || client.parse(bytes, error).status === 500);
  }),
  behaviour('the next request is served after each failure', async (client) => {
    for (const target of ['/throw', '/reject', '/break', '/short', '/bad-header']) {
      await client.visit({ target }).ended;
      assertText(await client.ask({ target: '/hello' }), 200, 'hello');
    }
  }),
  behaviour('a client that leaves amid the answer ends it, and the next is served', async (client) => {
    const { left } = await countersOf(client);
    const visit = client.visit({ target: '/endless' });
    await visit.until((bytes) => bytes.length > 50_000);
    visit.leave();
    await untilLeft(client, left + 1);
    assertText(await client.ask({ target: '/hello' }), 200, 'hello');
  }),
  behaviour('a client that leaves while the application works does no harm', async (client) => {
    const visit = client.visit({ target: '/sleep/60/x' });
    await sleep(20);
    visit.leave();
    await sleep(60);
    assertText(await client.ask({ target: '/hello' }), 200, 'hello');
  }),
  behaviour('eight requests at a time get each its own answer', async (client) => {
    const asked = Array.from({ length: 8 }, (_, i) => client.ask({ target: `/sleep/${30 - i}/n${i}` }));
    for (const [i, answer] of (await Promise.all(asked)).entries()) assertText(answer, 200, `slept ${30 - i} n${i}`);
  }),
];

/** In the order in which they are run. */
export const BEHAVIOURS: readonly Behaviour[] = [
  ...bodiesOut,
  ...bodiesIn,
  ...requestLines,
  ...requestHeaders,
  ...statuses,
  ...responseHeaders,
  ...failures,
];
