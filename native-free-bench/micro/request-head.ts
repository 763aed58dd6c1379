// What the gateway reads of HTTP: a browser's request head, whole and where it arrives in two pieces, and a chunked body.
import { ChunkedDecoder } from '../../dist/protocol/chunked-decoder.js';
import { findHeadEnd, HeadLines, REQUEST_LINE } from '../../dist/protocol/http-request-head.js';
import { RAW_HEADERS, sharedBuffer } from './requests.js';
import { candidate, type Suite } from './suite.js';

interface Head {
  readonly line: readonly string[];
  readonly headers: readonly string[];
}

const heads = RAW_HEADERS.map((raw, turn) => {
  const lines = [`GET /aaa/bbb?x=${turn} HTTP/1.1`];
  for (let i = 0; i < raw.length; i += 2) lines.push(`${raw[i]}: ${raw[i + 1]}`);
  return shared(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'));
});

function shared(bytes: Buffer): Buffer {
  const copy = sharedBuffer(bytes.length);
  bytes.copy(copy);
  return copy;
}

function plainHead(bytes: Buffer): Head {
  const [line = '', ...lines] = bytes.toString('latin1').trimEnd().split('\r\n');
  const headers = lines.flatMap((text) => {
    const [, name = '', value = ''] = /^([^:]+):[ \t]*(.*?)[ \t]*$/.exec(text) ?? [];
    return [name, value];
  });
  return { line: line.split(' '), headers };
}

const lines = new HeadLines();

function readHead(bytes: Buffer, firstLook: number): Head {
  if (firstLook > 0) findHeadEnd(bytes, 0, 0, firstLook);
  const end = findHeadEnd(bytes, 0, firstLook, bytes.length);
  if (lines.begin(bytes, 0, end) !== REQUEST_LINE.OK) throw new Error('A good head is refused');
  return { line: [lines.method, lines.target, `HTTP/1.${lines.httpMinor}`], headers: lines.list() };
}

function headOf(turn: number): Buffer {
  return heads[turn] as Buffer;
}

export const requestHeadSuite: Suite = {
  name: 'request head (browser, 8 headers)',
  turns: heads.length,
  candidates: [
    candidate('split and an expression a line', (turn) => plainHead(headOf(turn))),
    candidate('findHeadEnd and HeadLines', (turn) => readHead(headOf(turn), 0)),
    candidate('the same, in two pieces', (turn) => readHead(headOf(turn), headOf(turn).length >> 1)),
  ],
};

const CHUNKS = 4;
const CHUNK_BYTES = 1000;
const bodies = Array.from({ length: 16 }, (_, turn) => {
  const chunk = Buffer.alloc(CHUNK_BYTES + turn, 'abcdefgh');
  const framed = Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]);
  return shared(Buffer.concat([...Array.from({ length: CHUNKS }, () => framed), Buffer.from('0\r\n\r\n')]));
});
const decoded = sharedBuffer(CHUNKS * (CHUNK_BYTES + bodies.length));
const decoder = new ChunkedDecoder();

function plainBody(bytes: Buffer): number {
  let length = 0;
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    if (size === 0) return length;
    length += bytes.copy(decoded, length, lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
}

function decodeBody(bytes: Buffer): number {
  let length = 0;
  decoder.reset();
  for (let at = 0; at < bytes.length; ) {
    at = decoder.next(bytes, at, bytes.length);
    length += bytes.copy(decoded, length, decoder.dataStart, decoder.dataEnd);
  }
  if (!decoder.isDone) throw new Error('A whole body is not done');
  return length;
}

function body(name: string, read: (bytes: Buffer) => number) {
  const run = (turn: number) => read(bodies[turn] as Buffer);
  return { name, run, result: (turn: number) => decoded.toString('latin1', 0, run(turn)) };
}

export const chunkedSuite: Suite = {
  name: `chunked body (${CHUNKS} chunks of 1 KB)`,
  turns: bodies.length,
  candidates: [body('indexOf and parseInt', plainBody), body('ChunkedDecoder', decodeBody)],
};
