// The Request of kind fetch: everything that a native one has, held against a native one where that can be done.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { becomeRequest, openGlobals } from '../../dist/app/fetch/globals.js';
import { LazyRequest } from '../../dist/app/fetch/request.js';
import { requestVars } from '../../dist/app/vars.js';
import { FakeExchange, type FakeOptions, MemoryBody } from '../helpers/fake-exchange.js';

// As src/app/load.ts does it, before the application is imported: this class stands for one of the application's.
openGlobals();
class ExtendedRequest extends Request {}

before(() => becomeRequest());

interface Made {
  readonly request: Request;
  readonly exchange: FakeExchange;
  over(): void;
}

function make(options: FakeOptions = {}, mountPoint = ''): Made {
  const exchange = new FakeExchange(options);
  exchange.mountPoint = mountPoint;
  const lazy = new LazyRequest(exchange, requestVars(exchange));
  return { request: lazy as unknown as Request, exchange, over: () => LazyRequest.release(lazy) };
}

const HOST = { HTTP_HOST: 'example.com', REQUEST_URI: '/a?b=c' };

function post(body: string, vars: Readonly<Record<string, string>> = {}): Made {
  return make({ vars: { ...HOST, REQUEST_METHOD: 'POST', CONTENT_LENGTH: String(body.length), ...vars }, body });
}

describe('the url of a request', () => {
  const cases: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
    ['host and target as they came', HOST, 'http://example.com/a?b=c'],
    ['HTTPS', { ...HOST, HTTPS: 'on' }, 'https://example.com/a?b=c'],
    ['REQUEST_SCHEME', { ...HOST, REQUEST_SCHEME: 'https' }, 'https://example.com/a?b=c'],
    ['X-Forwarded-Proto, as for every kind', { ...HOST, HTTP_X_FORWARDED_PROTO: 'https' }, 'https://example.com/a?b=c'],
    ['a scheme that is none', { ...HOST, HTTP_X_FORWARDED_PROTO: 'javascript' }, 'http://example.com/a?b=c'],
    ['the port of the scheme is left out', { ...HOST, HTTP_HOST: 'example.com:80' }, 'http://example.com/a?b=c'],
    ['another port stays', { ...HOST, HTTP_HOST: 'example.com:8080' }, 'http://example.com:8080/a?b=c'],
    ['port 80 of https stays', { ...HOST, HTTP_HOST: 'a.b:80', HTTPS: '1' }, 'https://a.b:80/a?b=c'],
    ['capitals of a host are folded', { ...HOST, HTTP_HOST: 'EXAMPLE.com' }, 'http://example.com/a?b=c'],
    ['IPv6', { ...HOST, HTTP_HOST: '[::1]:9' }, 'http://[::1]:9/a?b=c'],
    ['IPv4', { ...HOST, HTTP_HOST: '127.0.0.1:9' }, 'http://127.0.0.1:9/a?b=c'],
    ['without Host the server', { SERVER_NAME: 'srv', SERVER_PORT: '81', REQUEST_URI: '/' }, 'http://srv:81/'],
    [
      'a Host that is none gives way to the server',
      { ...HOST, HTTP_HOST: 'a/b', SERVER_NAME: 'srv' },
      'http://srv/a?b=c',
    ],
    ['a Host with a user gives way', { ...HOST, HTTP_HOST: 'u@evil', SERVER_NAME: 'srv' }, 'http://srv/a?b=c'],
    ['dot segments are resolved', { ...HOST, REQUEST_URI: '/a/../b/./c?../d' }, 'http://example.com/b/c?../d'],
    ['escaped ones too', { ...HOST, REQUEST_URI: '/a/%2e%2E/b' }, 'http://example.com/b'],
    ['escapes stay as they are', { ...HOST, REQUEST_URI: '/a%2Fb%20c?%zz' }, 'http://example.com/a%2Fb%20c?%zz'],
    [
      'what cannot stand there is escaped',
      { ...HOST, REQUEST_URI: '/a b"<é>' },
      'http://example.com/a%20b%22%3C%C3%A9%3E',
    ],
    ['two slashes are a path', { ...HOST, REQUEST_URI: '//evil.org/x' }, 'http://example.com//evil.org/x'],
    ['an absolute target', { ...HOST, REQUEST_URI: 'http://example.com/x?y' }, 'http://example.com/x?y'],
    ['an asterisk', { ...HOST, REQUEST_URI: '*' }, 'http://example.com/*'],
    ['no REQUEST_URI', { HTTP_HOST: 'h', PATH_INFO: '/a b%', QUERY_STRING: 'q' }, 'http://h/a%20b%25?q'],
  ];
  for (const [name, vars, expected] of cases) {
    test(name, () => assert.equal(make({ vars }).request.url, expected));
  }

  test('below a mount point is what follows it, however it is written', () => {
    const urlOf = (uri: string, path: string) =>
      make({ vars: { HTTP_HOST: 'h', REQUEST_URI: uri, PATH_INFO: path, QUERY_STRING: 'q' } }, '/app').request.url;
    assert.equal(urlOf('/app/x%20y?q', '/app/x y'), 'http://h/x%20y?q');
    assert.equal(urlOf('/app?q', '/app'), 'http://h/?q');
    assert.equal(urlOf('/%61pp/x%20y?q', '/app/x y'), 'http://h/x%20y?q');
  });

  test('is what the parser of URLs makes of it, for any host and target', () => {
    const text = fc.string({ unit: fc.constantFrom(...'abz019.-_~%/?&=+:@;,!$\'()*"<>^|`{}[]\\ 2eEx'), maxLength: 12 });
    const host = fc.oneof(
      fc.domain(),
      fc.ipV4(),
      fc.ipV6().map((ip) => `[${ip}]`),
      fc.string({ unit: fc.constantFrom(...'abxn-.019'), minLength: 1, maxLength: 10 }),
    );
    const port = fc.option(fc.nat(70_000), { nil: undefined });
    fc.assert(
      fc.property(host, port, text, fc.boolean(), (name, number, rest, secure) => {
        const authority = number === undefined ? name : `${name}:${number}`;
        const scheme = secure ? 'https' : 'http';
        fc.pre(URL.canParse(`${scheme}://${authority}`) && /^[\w.\-[\]:]+$/.test(authority));
        const vars = { HTTP_HOST: authority, REQUEST_URI: `/${rest}`, HTTPS: secure ? 'on' : '' };
        assert.equal(make({ vars }).request.url, new URL(`${scheme}://${authority}/${rest}`).href);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the headers of a request', () => {
  test('are those the variables came from', () => {
    const { headers } = make({
      vars: {
        ...HOST,
        HTTP_X_FOO_BAR: 'é',
        HTTP_COOKIE: 'a=1; b=2',
        HTTP_X_EMPTY: '',
        CONTENT_TYPE: 'text/plain',
        HTTP_CONTENT_TYPE: 'other',
        CONTENT_LENGTH: '',
        REMOTE_ADDR: '1.2.3.4',
      },
    }).request;
    assert.deepEqual(Object.fromEntries(headers), {
      'content-type': 'text/plain',
      cookie: 'a=1; b=2',
      host: 'example.com',
      'x-empty': '',
      'x-foo-bar': 'é',
    });
    assert.ok(headers instanceof Headers);
  });

  test('leave out what no Headers takes, and nothing else', () => {
    const { headers } = make({ vars: { HTTP_GOOD: '1', HTTP_BAD: 'a\nb', 'HTTP_ ': 'x' } }).request;
    assert.deepEqual(Object.fromEntries(headers), { good: '1' });
  });

  test('of names that clients make up do not stay', () => {
    for (let i = 0; i < 3000; i++) {
      const name = `x-${i}`;
      assert.equal(make({ vars: { [`HTTP_X_${i}`]: 'y' } }).request.headers.get(name), 'y');
    }
  });
});

describe('the body of a request', () => {
  test('is read as text, without a byte order mark', async () => {
    assert.equal(await post('\uFEFFgrün').request.text(), 'grün');
  });

  test('is read as JSON, and bad JSON is a SyntaxError', async () => {
    assert.deepEqual(await post('{"a":[1]}').request.json(), { a: [1] });
    await assert.rejects(post('{').request.json(), SyntaxError);
  });

  test('is read as bytes that are alone in their buffer', async () => {
    const buffer = await post('abc').request.arrayBuffer();
    assert.ok(buffer instanceof ArrayBuffer);
    assert.equal(Buffer.from(buffer).toString(), 'abc');
    const { request } = post('abc');
    assert.deepEqual(await (request as unknown as { bytes(): Promise<unknown> }).bytes(), new Uint8Array([97, 98, 99]));
  });

  test('is read as a Blob of its type', async () => {
    const blob = await post('abc', { CONTENT_TYPE: 'text/x' }).request.blob();
    assert.deepEqual([blob.size, blob.type, await blob.text()], [3, 'text/x', 'abc']);
  });

  test('is read as a form, of either encoding', async () => {
    const fields = await post('a=1&b=%C3%BC', { CONTENT_TYPE: 'application/x-www-form-urlencoded' }).request.formData();
    assert.deepEqual(
      [...fields],
      [
        ['a', '1'],
        ['b', 'ü'],
      ],
    );
    const multipart = '--X\r\nContent-Disposition: form-data; name="f"; filename="n.txt"\r\n\r\nabc\r\n--X--\r\n';
    const form = await post(multipart, { CONTENT_TYPE: 'multipart/form-data; boundary=X' }).request.formData();
    const file = form.get('f');
    assert.ok(file instanceof File);
    assert.deepEqual([file.name, await file.text()], ['n.txt', 'abc']);
  });

  test('is a byte stream, for either kind of reader', async () => {
    const { body } = post('hello').request;
    assert.ok(body !== null);
    const reader = body.getReader({ mode: 'byob' });
    const first = await reader.read(new Uint8Array(3));
    assert.equal(Buffer.from(first.value ?? []).toString(), 'hel');
    reader.releaseLock();
    let rest = '';
    for await (const chunk of body) rest += Buffer.from(chunk).toString();
    assert.equal(rest, 'lo');
  });

  test('comes in pieces when it is read in pieces', async () => {
    const bytes = Buffer.alloc(200_000, 'x');
    const vars = { ...HOST, REQUEST_METHOD: 'PUT' };
    const { request } = make({ vars, body: new MemoryBody(bytes, () => 777) });
    assert.equal((await request.text()).length, bytes.length);
    const streamed = make({ vars, body: new MemoryBody(bytes, () => 777) }).request.body;
    assert.ok(streamed !== null);
    let count = 0;
    for await (const chunk of streamed) count += chunk.length;
    assert.equal(count, bytes.length);
  });

  test('is used up by whatever reads it first', async () => {
    for (const how of ['text', 'json', 'arrayBuffer', 'blob', 'formData'] as const) {
      const { request } = post('{}', { CONTENT_TYPE: 'application/x-www-form-urlencoded' });
      assert.equal(request.bodyUsed, false);
      await request[how]();
      assert.equal(request.bodyUsed, true);
      await assert.rejects(request.text(), TypeError);
      assert.throws(() => request.clone(), TypeError);
      assert.throws(() => new Request(request), TypeError);
      assert.equal(request.bodyUsed, true);
    }
  });

  test('is null where there is none, and for GET and HEAD', async () => {
    assert.equal(make({ vars: { ...HOST, REQUEST_METHOD: 'POST' } }).request.body, null);
    for (const method of ['GET', 'HEAD']) {
      const { request } = post('ignored', { REQUEST_METHOD: method });
      assert.equal(request.body, null);
      assert.equal(await request.text(), '');
      assert.equal(request.clone().body, null);
    }
  });

  test('is gone when the request is over, for everyone who still reads', async () => {
    const { request, over } = post('abc');
    const streamed = post('abc');
    const reading = streamed.request.body?.getReader();
    over();
    streamed.over();
    await assert.rejects(request.text(), /The request is over/);
    await assert.rejects(async () => await reading?.read(), /The request is over/);
    assert.equal(request.url, 'http://example.com/a?b=c');
    assert.equal(request.headers.get('host'), 'example.com');
  });
});

describe('to the application a request', () => {
  test('is a Request', () => {
    const { request } = make({ vars: HOST });
    assert.ok(request instanceof Request);
    assert.equal(request.constructor, Request);
    assert.equal(String(request), '[object Request]');
    assert.match(inspect(request), /example\.com/);
    assert.deepEqual(Object.keys(request), []);
  });

  test('has every property of a native one, with the same values', () => {
    const { request } = make({ vars: HOST });
    const native = new Request('http://example.com/a?b=c');
    for (const name of Object.keys(Object.getOwnPropertyDescriptors(Request.prototype))) {
      if (name === 'signal' || name === 'headers') continue;
      const [ours, theirs]: unknown[] = [Reflect.get(request, name), Reflect.get(native, name)];
      if (typeof theirs === 'function') assert.equal(typeof ours, 'function', name);
      else assert.equal(ours, theirs, name);
    }
  });

  test('can be cloned, and both have the body', async () => {
    const { request } = post('abc', { HTTP_X_A: '1' });
    const clone = request.clone();
    assert.deepEqual([await request.text(), await clone.text(), clone.headers.get('x-a')], ['abc', 'abc', '1']);
  });

  test('can be made another Request of, by the class and by one that extends it', async () => {
    const copy = new Request(post('abc', { HTTP_X_A: '1' }).request, { headers: { 'x-b': '2' } });
    assert.deepEqual([copy.method, copy.url, await copy.text()], ['POST', 'http://example.com/a?b=c', 'abc']);
    assert.deepEqual([copy.headers.get('x-a'), copy.headers.get('x-b')], [null, '2']);
    const extended = new ExtendedRequest(post('abc').request);
    assert.ok(extended instanceof ExtendedRequest && extended instanceof Request);
    assert.equal(await extended.text(), 'abc');
    const moved = new Request('http://other/', make({ vars: { ...HOST, HTTP_X_A: '1' } }).request);
    assert.deepEqual([moved.url, moved.headers.get('x-a')], ['http://other/', '1']);
  });

  test('can be fetched', async () => {
    const { request } = make({ vars: { ...HOST, HTTP_HOST: '127.0.0.1:1' } });
    // Nobody listens there: the address was understood.
    await assert.rejects(
      fetch(request),
      (error) => error instanceof TypeError && /fetch failed|bad port/.test(inspect(error)),
    );
  });

  test('has the signal of its connection, and so has what is made of it', () => {
    const { request, exchange } = post('abc');
    const copy = new Request(request);
    assert.equal(request.signal.aborted, false);
    exchange.abort();
    assert.deepEqual([request.signal.aborted, copy.signal.aborted], [true, true]);
  });

  test('may be given more properties, as routers do', () => {
    const { request } = make({ vars: HOST });
    const loose = request as Request & { params?: unknown };
    loose.params = { id: '1' };
    assert.deepEqual(loose.params, { id: '1' });
  });

  test('has a method that no native one may have', () => {
    const { request } = make({ vars: { ...HOST, REQUEST_METHOD: 'TRACE' } });
    assert.equal(request.method, 'TRACE');
    assert.equal(request.mode, 'cors');
  });
});
