import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  appendContentLength,
  encodePeer,
  PACKET_BYTES_MAX,
  RequestEncoder,
} from '../../dist/front/http/request-encoder.js';
import { forEachVar } from '../../dist/protocol/environ-vars.js';

const PEER = encodePeer('192.0.2.1', '4711');

function encode(
  method: string,
  uri: string,
  headers: readonly string[],
  { varsBytesMax = 65535, httpMinor = 1 } = {},
): { varsEnd: number; vars: Record<string, string>; encoder: RequestEncoder; packet: Buffer } {
  const encoder = new RequestEncoder(varsBytesMax, 8000);
  const packet = Buffer.alloc(PACKET_BYTES_MAX);
  encoder.begin(packet, method, uri, httpMinor, PEER);
  for (let i = 0; i + 1 < headers.length; i += 2) encoder.header(headers[i] as string, headers[i + 1] as string);
  if (encoder.repeated) encoder.joinHeaders(headers);
  const varsEnd = encoder.end();
  return { varsEnd, vars: readVars(packet, varsEnd), encoder, packet };
}

function readVars(packet: Buffer, varsEnd: number): Record<string, string> {
  const vars: Record<string, string> = {};
  if (varsEnd > 0) {
    assert.equal(packet.readUInt16LE(1), varsEnd - 4, 'datasize');
    forEachVar(packet, 4, varsEnd, (key, value) => {
      assert.equal(key in vars, false, `${key} is there twice`);
      vars[key] = value;
    });
  }
  return vars;
}

describe('the request encoder', () => {
  test('writes the vars of a request', () => {
    const { vars } = encode('GET', '/a%20b/./c?d', ['Host', 'h', 'X-Y', '1']);
    const { SERVER_NAME, ...rest } = vars;
    assert.equal(typeof SERVER_NAME, 'string');
    assert.deepEqual(rest, {
      REQUEST_METHOD: 'GET',
      REQUEST_URI: '/a%20b/./c?d',
      PATH_INFO: '/a b/c',
      QUERY_STRING: 'd',
      SERVER_PROTOCOL: 'HTTP/1.1',
      SCRIPT_NAME: '',
      SERVER_PORT: '8000',
      REMOTE_ADDR: '192.0.2.1',
      REMOTE_PORT: '4711',
      HTTP_HOST: 'h',
      HTTP_X_Y: '1',
    });
  });

  test('joins repeated headers, however they are spelled', () => {
    const headers = ['Host', 'h', 'Cookie', 'a', 'X-Y', '1', 'cookie', 'b', 'x-y', '2', 'X-y', '3'];
    const { vars } = encode('GET', '/', headers);
    assert.deepEqual([vars.HTTP_COOKIE, vars.HTTP_X_Y], ['a; b', '1, 2, 3']);
  });

  test('drops headers with an underscore and Transfer-Encoding', () => {
    const { vars } = encode('POST', '/', ['Host', 'h', 'X_Y', '1', 'Transfer-Encoding', 'chunked']);
    assert.equal('HTTP_X_Y' in vars, false);
    assert.equal('HTTP_TRANSFER_ENCODING' in vars, false);
  });

  test('takes the host of an absolute target for HTTP_HOST, also where there is no Host', () => {
    assert.equal(encode('GET', 'http://b/c', ['Host', 'h']).vars.HTTP_HOST, 'b');
    assert.equal(encode('GET', 'http://b/c', [], { httpMinor: 0 }).vars.HTTP_HOST, 'b');
    assert.equal(encode('GET', 'http://b/c', ['X', '1', 'X', '2', 'Host', 'h']).vars.HTTP_HOST, 'b');
  });

  test('refuses with the status of the fault', () => {
    const status = (method: string, uri: string, headers: string[]): number => {
      const { varsEnd, encoder } = encode(method, uri, headers);
      assert.equal(varsEnd, 0);
      return encoder.refusal.status;
    };
    assert.equal(status('GET', '/', []), 400);
    assert.equal(status('GET', 'nothing', ['Host', 'h']), 400);
    assert.equal(status('GET', '/%00', ['Host', 'h']), 400);
    assert.equal(status('CONNECT', 'h:80', ['Host', 'h']), 501);
    assert.equal(status('POST', '/', ['Host', 'h', 'Transfer-Encoding', 'gzip, chunked']), 501);
    assert.equal(status('POST', '/', ['Host', 'h', 'Expect', 'x']), 417);
    const many = Array.from({ length: 1100 }, (_, i) => [`x${i}`, '1']).flat();
    assert.equal(status('GET', '/', ['Host', 'h', ...many]), 431);
    assert.equal(status('GET', '/', ['Host', 'h', 'X', 'x'.repeat(70_000)]), 431);
  });

  test('keeps to buffer-size exactly', () => {
    const { varsEnd } = encode('GET', '/', ['Host', 'h']);
    assert.equal(encode('GET', '/', ['Host', 'h'], { varsBytesMax: varsEnd - 4 }).varsEnd, varsEnd);
    assert.equal(encode('GET', '/', ['Host', 'h'], { varsBytesMax: varsEnd - 5 }).varsEnd, 0);
  });

  test('leaves room for the length of a chunked body in the largest packet', () => {
    const headers = ['Host', 'h', 'Transfer-Encoding', 'chunked', 'X', ''];
    const { varsEnd } = encode('POST', '/', headers);
    headers[5] = 'x'.repeat(PACKET_BYTES_MAX - varsEnd);
    assert.equal(encode('POST', '/', headers).varsEnd, 0);
    headers[5] = 'x'.repeat(PACKET_BYTES_MAX - varsEnd - 40);
    const { packet, varsEnd: fullEnd } = encode('POST', '/', headers);
    const end = appendContentLength(packet, fullEnd, Number.MAX_SAFE_INTEGER);
    assert.ok(end <= PACKET_BYTES_MAX);
    assert.equal(readVars(packet, end).CONTENT_LENGTH, String(Number.MAX_SAFE_INTEGER));
  });

  test('tells when the client wants the connection closed', () => {
    const closes = (value: string): boolean =>
      encode('GET', '/', ['Host', 'h', 'Connection', value]).encoder.connectionClose;
    assert.deepEqual(['close', 'TE, Close', 'keep-alive', 'Upgrade', 'x-close'].map(closes), [
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
