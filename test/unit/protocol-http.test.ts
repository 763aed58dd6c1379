// What an HTTP request means to us: header names, request target, framing.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cgiName, forgetHeaderNamesWhenFull, headerName, joinRepeated } from '../../dist/protocol/cgi-names.js';
import { checkFraming, FRAMING, FRAMING_TABLE, FramingCheck } from '../../dist/protocol/request-framing.js';
import { latin1FromUtf8, RequestTarget, TARGET, TARGET_FORM } from '../../dist/protocol/request-target.js';

describe('cgiName', () => {
  it('makes HTTP_ variables of headers, in any case', () => {
    assert.equal(cgiName('User-Agent'), 'HTTP_USER_AGENT');
    assert.equal(cgiName('user-agent'), 'HTTP_USER_AGENT');
    assert.equal(cgiName('X-Y.Z~1'), 'HTTP_X_Y.Z~1');
  });

  it('gives content type and length no prefix', () => {
    assert.equal(cgiName('Content-Type'), 'CONTENT_TYPE');
    assert.equal(cgiName('CONTENT-LENGTH'), 'CONTENT_LENGTH');
  });

  it('drops names with an underscore, which would collide with a dash', () => {
    assert.equal(cgiName('Content_Length'), null);
    assert.equal(cgiName('x_y'), null);
  });

  it('drops what is no header name, letters that only fold to ASCII included', () => {
    for (const name of ['', 'a b', 'a:', 'a\r', '\xe9', 'coo\u212aie'])
      assert.equal(cgiName(name), null, JSON.stringify(name));
  });

  it('stays right when more names come than it remembers', () => {
    for (let i = 0; i < 3000; i++) assert.equal(cgiName(`X-Made-Up-${i}`), `HTTP_X_MADE_UP_${i}`);
    assert.equal(headerName('X-Not-Remembered').remembered, false);
    assert.equal(cgiName('Content-Type'), 'CONTENT_TYPE');
    forgetHeaderNamesWhenFull();
    assert.equal(headerName('X-Remembered').remembered, true);
    assert.equal(headerName('X-Remembered'), headerName('x-rEMEMBERED'));
  });
});

describe('joinRepeated', () => {
  it('joins with a comma, and cookies with a semicolon', () => {
    assert.equal(joinRepeated('Accept', 'a', 'b'), 'a, b');
    assert.equal(joinRepeated('cookie', 'a=1', 'b=2'), 'a=1; b=2');
    assert.equal(joinRepeated('Cookie', 'a=1', 'b=2'), 'a=1; b=2');
  });
});

describe('RequestTarget', () => {
  const target = new RequestTarget();

  const paths: [string, string, string][] = [
    // target, PATH_INFO, QUERY_STRING
    ['/', '/', ''],
    ['/a/b', '/a/b', ''],
    ['/a?x=1&y=%20?z', '/a', 'x=1&y=%20?z'],
    ['/?', '/', ''],
    ['/a%20b', '/a b', ''],
    ['/%C3%A9', '/\xc3\xa9', ''],
    ['/\xc3\xa9', '/\xc3\xa9', ''],
    ['/a%2Fb', '/a/b', ''],
    ['/a%2fb%3Fc', '/a/b?c', ''],
    ['/100%', '/100%', ''],
    ['/%zz%4', '/%zz%4', ''],
    ['/%%41', '/%A', ''],
    ['/%2541', '/%41', ''],
    ['/./a', '/a', ''],
    ['/a/./b', '/a/b', ''],
    ['/a/../b', '/b', ''],
    ['/a/b/..', '/a/', ''],
    ['/a/b/.', '/a/b/', ''],
    ['/..', '/', ''],
    ['/../../etc/passwd', '/etc/passwd', ''],
    ['/%2e%2e/%2E%2e/etc/passwd', '/etc/passwd', ''],
    ['/a/%2e%2e%2fb', '/b', ''],
    ['/a/..b/.c/...', '/a/..b/.c/...', ''],
    ['//a//b', '//a//b', ''],
    ['/a//../b', '/a/b', ''],
    ['/a#b', '/a', ''],
    ['/a#b?c', '/a', 'c'],
    ['/a%23b', '/a#b', ''],
    ['/a/../b?../c', '/b', '../c'],
  ];
  for (const [raw, pathInfo, queryString] of paths) {
    it(`reads ${JSON.stringify(raw)} as path ${JSON.stringify(pathInfo)}`, () => {
      assert.equal(target.parse('GET', raw), TARGET.OK);
      assert.deepEqual(
        [target.pathInfo, target.queryString, target.form, target.host],
        [pathInfo, queryString, TARGET_FORM.ORIGIN, ''],
      );
    });
  }

  it('takes the host from a target in absolute form', () => {
    for (const [raw, host, path, query] of [
      ['http://example.com/a%20b?q', 'example.com', '/a b', 'q'],
      ['HTTPS://example.com:8443', 'example.com:8443', '/', ''],
      ['http://[::1]:80?q', '[::1]:80', '/', 'q'],
      ['http://h/../x', 'h', '/x', ''],
    ]) {
      assert.equal(target.parse('GET', raw as string), TARGET.OK, raw);
      assert.deepEqual(
        [target.host, target.pathInfo, target.queryString, target.form],
        [host, path, query, TARGET_FORM.ABSOLUTE],
      );
    }
  });

  it('takes an asterisk with OPTIONS only', () => {
    assert.equal(target.parse('OPTIONS', '*'), TARGET.OK);
    assert.deepEqual([target.pathInfo, target.form], ['*', TARGET_FORM.ASTERISK]);
    assert.equal(target.parse('GET', '*'), TARGET.BAD);
  });

  it('takes host and port with CONNECT only', () => {
    assert.equal(target.parse('CONNECT', 'example.com:443'), TARGET.OK);
    assert.deepEqual([target.host, target.form, target.pathInfo], ['example.com:443', TARGET_FORM.AUTHORITY, '']);
    assert.equal(target.parse('CONNECT', '/a'), TARGET.BAD);
    assert.equal(target.parse('GET', 'example.com:443'), TARGET.BAD);
  });

  it('refuses what is no target', () => {
    for (const raw of [
      '',
      'a',
      'a/b',
      '?q',
      'ftp://h/',
      'http://',
      'http:///a',
      'http://:80/',
      'http://u@h/',
      'http://h h/',
      '/a b',
      '/a\tb',
      '/a\r\nb',
      '/a\0',
      '/\x7f',
      '/a?b c',
      '/a?b\n',
      '/\u0100',
      '/a?\u0100',
    ]) {
      assert.equal(target.parse('GET', raw), TARGET.BAD, JSON.stringify(raw));
    }
  });

  it('refuses a NUL byte in the path', () => {
    assert.equal(target.parse('GET', '/a%00'), TARGET.NUL_IN_PATH);
    assert.equal(target.parse('GET', '/a?%00'), TARGET.OK);
  });

  it('gives UTF-8 back its bytes', () => {
    assert.equal(latin1FromUtf8('/abc'), '/abc');
    assert.equal(latin1FromUtf8('/\u00e9\u20ac'), '/\xc3\xa9\xe2\x82\xac');
  });
});

describe('FramingCheck', () => {
  const check = new FramingCheck();
  const HOST = ['Host', 'example.com'];

  function framing(headers: string[], httpMinor = 1, method = 'POST'): number {
    return checkFraming(check, method, httpMinor, headers);
  }

  it('reads how the body comes', () => {
    assert.equal(framing(HOST), FRAMING.OK);
    assert.deepEqual([check.contentLength, check.chunked, check.expectContinue], [-1, false, false]);
    assert.equal(framing([...HOST, 'Content-Length', '42']), FRAMING.OK);
    assert.deepEqual([check.contentLength, check.chunked], [42, false]);
    assert.equal(framing([...HOST, 'transfer-encoding', ' Chunked\t', 'Expect', '100-Continue']), FRAMING.OK);
    assert.deepEqual([check.contentLength, check.chunked, check.expectContinue], [-1, true, true]);
  });

  it('refuses every Content-Length that is no decimal number', () => {
    for (const value of [
      '',
      ' ',
      '+5',
      '-5',
      '5, 5',
      '5,5',
      '0x5',
      '5x',
      '5 5',
      '1e1',
      '5.0',
      '\xb2',
      '9007199254740992',
      '99999999999999999999',
    ]) {
      assert.equal(framing([...HOST, 'Content-Length', value]), FRAMING.BAD_CONTENT_LENGTH, JSON.stringify(value));
    }
  });

  it('refuses Content-Length twice, equal or not', () => {
    assert.equal(framing([...HOST, 'Content-Length', '5', 'content-length', '6']), FRAMING.REPEATED_CONTENT_LENGTH);
    assert.equal(framing([...HOST, 'Content-Length', '5', 'Content-Length', '5']), FRAMING.REPEATED_CONTENT_LENGTH);
  });

  it('refuses Content-Length beside Transfer-Encoding, whichever comes first', () => {
    assert.equal(framing([...HOST, 'Content-Length', '5', 'Transfer-Encoding', 'chunked']), FRAMING.LENGTH_AND_CODING);
    assert.equal(framing([...HOST, 'Transfer-Encoding', 'chunked', 'Content-Length', '0']), FRAMING.LENGTH_AND_CODING);
  });

  it('refuses every Transfer-Encoding but one chunked', () => {
    for (const value of [
      '',
      'identity',
      'chunked, chunked',
      'chunked, gzip',
      'xchunked',
      'chunked;q=1',
      '"chunked"',
      'chunked,',
      ', chunked',
      'chun ked',
      '\xa0chunked',
      'gzip\xa0, chunked',
    ]) {
      assert.equal(framing([...HOST, 'Transfer-Encoding', value]), FRAMING.BAD_TRANSFER_CODING, JSON.stringify(value));
    }
    assert.equal(
      framing([...HOST, 'Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked']),
      FRAMING.BAD_TRANSFER_CODING,
    );
    assert.equal(framing([...HOST, 'Transfer-Encoding', 'gzip, chunked']), FRAMING.UNKNOWN_TRANSFER_CODING);
    assert.equal(framing(['Transfer-Encoding', 'chunked'], 0), FRAMING.CODING_IN_HTTP_1_0);
  });

  it('wants exactly one good Host', () => {
    assert.equal(framing([]), FRAMING.MISSING_HOST);
    assert.equal(framing([], 0), FRAMING.OK);
    assert.equal(framing([...HOST, ...HOST]), FRAMING.REPEATED_HOST);
    assert.equal(framing([...HOST, ...HOST], 0), FRAMING.REPEATED_HOST);
    for (const host of ['a b', 'a/b', 'a@b', 'a?b', 'a#b', 'a:b', 'a:80:81', '[::1', '::1', 'a\\b', '<a>', '\xe9']) {
      assert.equal(framing(['Host', host]), FRAMING.BAD_HOST, JSON.stringify(host));
    }
    for (const host of ['', 'a', 'a.b:80', 'a_b', '[::1]', '[::1]:80', '127.0.0.1:8000', 'a:', 'xn--a.b', ' a ']) {
      assert.equal(framing(['Host', host]), FRAMING.OK, JSON.stringify(host));
    }
  });

  it('refuses header names that are no token', () => {
    for (const name of [
      '',
      'A ',
      ' A',
      'A\t',
      'A:',
      'A\r',
      'A\0',
      '\xe9',
      'A(',
      'Transfer-Encoding ',
      'transfer-encodin\u01f5',
    ]) {
      assert.equal(framing([...HOST, name, 'x']), FRAMING.BAD_HEADER_NAME, JSON.stringify(name));
    }
  });

  it('refuses control characters in values of any length', () => {
    for (const bad of ['\r', '\n', '\0', '\x0b', '\x1f', '\x7f', '\u0100', '\u010a']) {
      for (const padding of ['', 'x'.repeat(100)]) {
        assert.equal(framing([...HOST, 'A', `${padding}${bad}y`]), FRAMING.BAD_HEADER_VALUE, JSON.stringify(bad));
      }
    }
    assert.equal(framing([...HOST, 'A', '\t\xff']), FRAMING.OK);
    assert.equal(framing([...HOST, 'A', `tab\tand \xff${'\x80'.repeat(30)}`]), FRAMING.OK);
    assert.equal(framing([...HOST, 'A', '\t\xff']), FRAMING.OK);
  });

  it('refuses a method that is no token', () => {
    for (const method of ['', 'G ET', 'GET:', 'G\xc9T']) assert.equal(framing(HOST, 1, method), FRAMING.BAD_METHOD);
  });

  it('knows one expectation, and ignores it in HTTP/1.0', () => {
    assert.equal(framing([...HOST, 'Expect', 'a-pony']), FRAMING.UNKNOWN_EXPECTATION);
    assert.equal(framing([...HOST, 'Expect', '100-continue, a-pony']), FRAMING.UNKNOWN_EXPECTATION);
    assert.equal(framing(['Expect', '100-continue'], 0), FRAMING.OK);
    assert.equal(check.expectContinue, false);
  });

  it('says when a header came before in the same request, whatever its case', () => {
    check.reset(1);
    const repeated = ['Cookie', 'Accept', 'cookie', 'COOKIE', 'Host'].map((name) => {
      check.header(name, 'x');
      return check.repeated;
    });
    assert.deepEqual(repeated, [false, false, true, true, false]);
    check.reset(1);
    check.header('Cookie', 'x');
    assert.equal(check.repeated, false);
  });

  it('says that a name it cannot remember may have come before', () => {
    check.reset(1);
    check.header(`X-${'y'.repeat(200)}`, 'x');
    assert.equal(check.repeated, true);
  });

  it('has a status and a text for each fault', () => {
    const statuses = Object.values(FRAMING).map((fault) => FRAMING_TABLE[fault].status);
    assert.deepEqual(statuses, [200, 400, 400, 400, 400, 400, 400, 400, 501, 400, 400, 400, 400, 417]);
  });
});
