// The head of a response: what may be sent, how it is written, what a front learns from it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseHead, ResponseHead, STATUS_REASONS, statusLine } from '../../dist/protocol/response-head.js';

type Headers = [string, string][];

function encode(status: string, headers: Headers, protocol = 'HTTP/1.1'): string {
  const head = new ResponseHead();
  head.set(status, headers);
  const out = Buffer.alloc(2000);
  return out.toString('latin1', 0, head.encode(protocol, out, 0));
}

describe('ResponseHead', () => {
  it('writes protocol, status, headers and a blank line', () => {
    assert.equal(
      encode(
        '200 OK',
        [
          ['Content-Type', 'text/plain'],
          ['X-A', '\xe9'],
          ['X-A', ''],
        ],
        'HTTP/1.0',
      ),
      'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nX-A: \xe9\r\nX-A: \r\n\r\n',
    );
  });

  it('completes a bare status', () => {
    assert.equal(encode('404', []), 'HTTP/1.1 404 Not Found\r\n\r\n');
    assert.equal(encode('404 ', []), 'HTTP/1.1 404 Not Found\r\n\r\n');
    assert.equal(encode('499', []), 'HTTP/1.1 499 Unknown\r\n\r\n');
    assert.equal(statusLine('404'), '404 Not Found');
    assert.equal(statusLine('404 Gone Fishing'), '404 Gone Fishing');
    assert.equal(STATUS_REASONS[503], 'Service Unavailable');
  });

  it('echoes any HTTP version, and nothing that is none', () => {
    assert.match(encode('200 OK', [], 'HTTP/2.0'), /^HTTP\/2\.0 200 OK\r\n/);
    for (const protocol of ['', 'HTTP/1.1\r\nX: y', 'http/1.1', 'HTTP/11']) {
      assert.equal(encode('200 OK', [], protocol), 'HTTP/1.1 200 OK\r\n\r\n');
    }
  });

  it('answers -1 when the head does not fit', () => {
    const head = new ResponseHead();
    head.set('200 OK', [['A', 'b']]);
    const bytes = 'HTTP/1.1 200 OK\r\nA: b\r\n\r\n'.length;
    assert.equal(head.encode('HTTP/1.1', Buffer.alloc(bytes + 2), 3), -1);
    assert.equal(head.encode('HTTP/1.1', Buffer.alloc(bytes + 3), 3), bytes + 3);
  });

  it('gathers what a front needs to know', () => {
    const head = new ResponseHead();
    head.set('200 OK', [
      ['content-length', '12'],
      ['Connection', 'keep-alive, Close'],
      ['Transfer-Encoding', 'gzip'],
      ['DATE', 'now'],
    ]);
    assert.deepEqual(
      [
        head.statusCode,
        head.headerCount,
        head.hasContentLength,
        head.contentLength,
        head.connectionClose,
        head.hasTransferEncoding,
        head.hasDate,
        head.bodyForbidden,
      ],
      [200, 4, true, 12, true, true, true, false],
    );
    head.set('200 OK', [['Connection', 'closed']]);
    assert.deepEqual(
      [
        head.statusCode,
        head.headerCount,
        head.hasContentLength,
        head.contentLength,
        head.connectionClose,
        head.hasTransferEncoding,
        head.hasDate,
        head.bodyForbidden,
      ],
      [200, 1, false, -1, false, false, false, false],
    );
  });

  it('knows which statuses have no body', () => {
    const head = new ResponseHead();
    const forbidden = ['100', '199', '200', '204', '205', '304', '404'].filter((status) => {
      head.set(status, []);
      return head.bodyForbidden;
    });
    assert.deepEqual(forbidden, ['100', '199', '204', '205', '304']);
  });

  it('throws on a status that is none', () => {
    const head = new ResponseHead();
    for (const status of [
      '',
      '20',
      '2000',
      '200OK',
      '20x OK',
      '099 X',
      ' 200',
      '200 a\r\nb',
      '200 \u0100',
      '200\tOK',
      200 as unknown as string,
      undefined as unknown as string,
    ]) {
      assert.throws(() => head.set(status, []), { name: 'TypeError', message: /^Invalid status/ }, String(status));
    }
    assert.throws(() => statusLine('x'), TypeError);
  });

  it('throws on a header that cannot be sent', () => {
    const head = new ResponseHead();
    for (const name of ['', 'A B', 'A:', 'A\r\n', '\xe9', 7 as unknown as string]) {
      assert.throws(() => head.set('200 OK', [[name, 'x']]), { name: 'TypeError', message: /^Invalid header name/ });
    }
    for (const value of ['a\r\nSet-Cookie: b', 'a\nb', 'a\0', '\u010a', `${'x'.repeat(100)}\r`]) {
      assert.throws(() => head.set('200 OK', [['X-A', value]]), { name: 'TypeError', message: /^Header X-A holds/ });
    }
    assert.throws(() => head.set('200 OK', [['X-A', 7 as unknown as string]]), {
      message: 'Header X-A must be a string, got 7',
    });
  });

  it('throws on a Content-Length that would break the framing', () => {
    const head = new ResponseHead();
    for (const value of ['', 'x', '-1', '1, 1', '9007199254740992']) {
      assert.throws(() => head.set('200 OK', [['Content-Length', value]]), { message: /^Invalid Content-Length/ });
    }
    assert.throws(
      () =>
        head.set('200 OK', [
          ['Content-Length', '1'],
          ['content-length', '1'],
        ]),
      { message: 'Content-Length is there twice' },
    );
  });
});

describe('parseHead', () => {
  it('takes a head apart, wherever it stands', () => {
    const bytes = Buffer.from('xxHTTP/1.1 404 Not Found\r\nA: b: c\r\nEmpty: \r\nA: \xe9\r\n\r\nbody: no', 'latin1');
    const end = bytes.indexOf('body');
    assert.deepEqual(parseHead(bytes, 2, end), {
      statusCode: 404,
      reason: 'Not Found',
      rawHeaders: ['A', 'b: c', 'Empty', '', 'A', '\xe9'],
    });
    assert.deepEqual(parseHead(Buffer.from('HTTP/1.0 200 OK\r\n\r\n'), 0, 19), {
      statusCode: 200,
      reason: 'OK',
      rawHeaders: [],
    });
  });
});
