// The HTTP side: framing of a browser's request, its target, and the head of a small response.
import { checkFraming, FRAMING, FramingCheck } from '../../dist/protocol/request-framing.js';
import { RequestTarget, TARGET } from '../../dist/protocol/request-target.js';
import { ResponseHead } from '../../dist/protocol/response-head.js';
import { RAW_HEADERS, sharedBuffer } from './requests.js';
import { type Candidate, candidate, type Suite } from './suite.js';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

function plainFraming(rawHeaders: readonly string[]): number {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (!TOKEN.test(name)) return FRAMING.BAD_HEADER_NAME;
    if (!VALUE.test(rawHeaders[i + 1] as string)) return FRAMING.BAD_HEADER_VALUE;
    const lower = name.toLowerCase();
    if (lower === 'host') hosts++;
    if (lower === 'content-length' || lower === 'transfer-encoding') return FRAMING.BAD_CONTENT_LENGTH;
  }
  return hosts === 1 ? FRAMING.OK : FRAMING.MISSING_HOST;
}

const check = new FramingCheck();

export const framingSuite: Suite = {
  name: 'framing check (browser, 8 headers)',
  turns: RAW_HEADERS.length,
  candidates: [
    candidate('expressions and lower case', (turn) => plainFraming(RAW_HEADERS[turn] as string[])),
    candidate('FramingCheck', (turn) => checkFraming(check, 'GET', 1, RAW_HEADERS[turn] as string[])),
  ],
};

const TARGETS = Array.from({ length: 64 }, (_, turn) =>
  Buffer.from(`/aaa/bbb/${turn}?x=1&y=${turn}`).toString('latin1'),
);
const target = new RequestTarget();

function plainTarget(raw: string): string {
  const at = raw.indexOf('?');
  const path = at < 0 ? raw : raw.slice(0, at);
  return `${decodeURIComponent(path)} ${at < 0 ? '' : raw.slice(at + 1)}`;
}

export const targetSuite: Suite = {
  name: 'request target (nothing to decode)',
  turns: TARGETS.length,
  candidates: [
    candidate('slice and decodeURIComponent', (turn) => plainTarget(TARGETS[turn] as string)),
    {
      name: 'RequestTarget',
      run: (turn) => target.parse('GET', TARGETS[turn] as string),
      result: (turn) => {
        if (target.parse('GET', TARGETS[turn] as string) !== TARGET.OK) throw new Error('A good target is refused');
        return `${target.pathInfo} ${target.queryString}`;
      },
    },
  ],
};

const HEADS = Array.from({ length: 64 }, (_, turn): [string, string][] => [
  ['Content-Type', 'text/plain; charset=utf-8'],
  ['Content-Length', String(13 + (turn % 7))],
]);
const out = sharedBuffer(65536);
const head = new ResponseHead();

function headersOf(turn: number): [string, string][] {
  return HEADS[turn] as [string, string][];
}

function plainHead(turn: number): number {
  const lines = ['HTTP/1.1 200 OK'];
  for (const [name, value] of headersOf(turn)) {
    if (!TOKEN.test(name) || !VALUE.test(value)) throw new TypeError('Invalid header');
    lines.push(`${name}: ${value}`);
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1').copy(out);
}

function responseHead(turn: number): number {
  head.set('200 OK', headersOf(turn));
  return head.encode('HTTP/1.1', out, 0);
}

function written(name: string, run: (turn: number) => number): Candidate {
  return { name, run, result: (turn) => Buffer.from(out.subarray(0, run(turn))).toString('latin1') };
}

export const headSuite: Suite = {
  name: 'response head (two headers)',
  turns: HEADS.length,
  candidates: [written('lines, joined and copied', plainHead), written('ResponseHead', responseHead)],
};
