// What of node:http is reached that its documentation does not name: two symbols, and the methods that _http_outgoing.js
// calls on itself. They are the same in Node 20 to 26; where one is missing, loading this file fails and says so.
import { OutgoingMessage } from 'node:http';
import { assert } from '../../base/assert.js';

/** A header as `setHeader` keeps it, under its name in lower case. */
export type OutHeader = readonly [name: string, value: unknown];

/** The part of a ServerResponse that node:http keeps to itself. */
export interface OutgoingInternals {
  /** Status line and headers, once they are final. */
  _header: string | null;
  _contentLength: number | null;
  _hasBody: boolean;
  _removedContLen: boolean;
  _removedTE: boolean;
  /** What `addTrailers` was told, as lines. */
  _trailer: string;
  useChunkedEncodingByDefault: boolean;
  _closed: boolean;
  destroyed: boolean;
  finished: boolean;
}

export type WriteCallback = (error?: Error | null) => void;

const probe = new OutgoingMessage();
const symbols = Object.getOwnPropertySymbols(probe);

function symbolOf(description: string): symbol {
  const symbol = symbols.find((candidate) => candidate.description === description);
  assert(symbol !== undefined, `node:http has ${description} in this version of Node`);
  return symbol;
}

for (const method of ['_send', '_storeHeader', '_writeRaw', '_implicitHeader']) {
  assert(method in probe, `node:http has ${method} in this version of Node`);
}

const OUT_HEADERS = symbolOf('kOutHeaders');
const NEED_DRAIN = symbolOf('kNeedDrain');

/** The headers that `setHeader` was told, or null. */
export function outHeadersOf(message: object): Readonly<Record<string, OutHeader>> | null {
  return (message as Record<symbol, Readonly<Record<string, OutHeader>> | null>)[OUT_HEADERS] ?? null;
}

/** Whether a `write` answered false since the last 'drain', which is due now: true once. */
export function takeNeedDrain(message: object): boolean {
  const flags = message as Record<symbol, boolean>;
  if (flags[NEED_DRAIN] !== true) return false;
  flags[NEED_DRAIN] = false;
  return true;
}
