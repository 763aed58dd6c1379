// The keys of uwsgi vars, each worked out once: its text, and what a reader of requests wants to know about it. A packet
// lists nearly the same keys as the one before it, in the same order: so each key remembers its successor.
import { equalsBytes, latin1Bytes } from '../base/bytes.js';
import { TRAILERS_VAR } from './trailers.js';

/** The vars that are not headers and that a reader of requests looks at; everything else is OTHER. */
export const VAR = {
  OTHER: 0,
  /** `HTTP_*`, CONTENT_TYPE or CONTENT_LENGTH. */
  HEADER: 1,
  METHOD: 2,
  URI: 3,
  PATH: 4,
  QUERY: 5,
  PROTOCOL: 6,
  REMOTE_ADDR: 7,
  REMOTE_PORT: 8,
  SERVER_ADDR: 9,
  SERVER_PORT: 10,
  HTTPS: 11,
  SCHEME: 12,
  TRAILERS: 13,
} as const;

export type VarKind = (typeof VAR)[keyof typeof VAR];

const KINDS: ReadonlyMap<string, VarKind> = new Map([
  ['REQUEST_METHOD', VAR.METHOD],
  ['REQUEST_URI', VAR.URI],
  ['PATH_INFO', VAR.PATH],
  ['QUERY_STRING', VAR.QUERY],
  ['SERVER_PROTOCOL', VAR.PROTOCOL],
  ['REMOTE_ADDR', VAR.REMOTE_ADDR],
  ['REMOTE_PORT', VAR.REMOTE_PORT],
  ['SERVER_ADDR', VAR.SERVER_ADDR],
  ['SERVER_PORT', VAR.SERVER_PORT],
  ['HTTPS', VAR.HTTPS],
  ['REQUEST_SCHEME', VAR.SCHEME],
  [TRAILERS_VAR, VAR.TRAILERS],
  ['CONTENT_TYPE', VAR.HEADER],
  ['CONTENT_LENGTH', VAR.HEADER],
  // nginx repeats the length of a body here; only CONTENT_LENGTH says what was read.
  ['HTTP_CONTENT_LENGTH', VAR.OTHER],
]);

/** What is known of one key. */
export class VarKey {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly kind: VarKind;
  /** Of a header: its name in lower case, and as clients usually write it (`User-Agent`). */
  readonly header: string;
  readonly rawHeader: string;
  /** Whether other keys may point here. Keys that only point to each other are garbage when their packet is read. */
  readonly remembered: boolean;
  next: VarKey | null = null;

  constructor(name: string, remembered: boolean) {
    this.name = name;
    this.bytes = latin1Bytes(name);
    this.kind = KINDS.get(name) ?? (name.startsWith('HTTP_') ? VAR.HEADER : VAR.OTHER);
    const header = this.kind === VAR.HEADER ? name.replace(/^HTTP_/, '').replaceAll('_', '-') : '';
    this.header = header.toLowerCase();
    this.rawHeader = this.header.replace(/(?:^|-)[a-z]/g, (start) => start.toUpperCase());
    this.remembered = remembered;
  }
}

/** Keys remembered at a time; one more and all are forgotten, so that clients who make names up cannot fill the memory. */
const KEYS_MAX = 1024;
/** Longer keys are not remembered. */
const KEY_BYTES_MAX = 128;

const keys = new Map<string, VarKey>();

/** Whoever reads a packet starts here. */
export const firstKey = new VarKey('', true);

/** The key at `packet[offset, offset + length)`, which follows `previous`. */
export function keyAt(packet: Buffer, offset: number, length: number, previous: VarKey): VarKey {
  const next = previous.next;
  if (next !== null && equalsBytes(packet, offset, length, next.bytes)) return next;
  const key = keyNamed(packet.latin1Slice(offset, offset + length));
  if (key.remembered) previous.next = key;
  return key;
}

/** The key of this name (latin-1). */
export function keyNamed(name: string): VarKey {
  let key = keys.get(name);
  if (key === undefined) {
    key = new VarKey(name, name.length <= KEY_BYTES_MAX);
    if (!key.remembered) return key;
    if (keys.size === KEYS_MAX) {
      keys.clear();
      firstKey.next = null;
    }
    keys.set(name, key);
  }
  return key;
}
