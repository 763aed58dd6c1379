// An HTTP request head on its way into a uwsgi packet: each header is checked and written in the same walk. What a front
// may not let through is found here, whichever engine parsed the request.
import { hostname } from 'node:os';
import { writeU16le } from '../../base/bytes.js';
import { PACKET_HEADER_BYTES, PACKET_VARS_BYTES_MAX, PACKET_VARS_MAX } from '../../base/limits.js';
import { HEADER, headerName, joinRepeated } from '../../protocol/cgi-names.js';
import { FRAMING, FramingCheck } from '../../protocol/request-framing.js';
import { RequestTarget, TARGET, TARGET_FORM } from '../../protocol/request-target.js';
import { TRAILERS_VAR } from '../../protocol/trailers.js';
import { appendVars, encodeKey, encodeVar, PacketWriter } from '../../protocol/uwsgi-encoder.js';
import { framingRefusal, REFUSAL, type Refusal } from './refusal.js';

const REQUEST_METHOD = encodeKey('REQUEST_METHOD');
const REQUEST_URI = encodeKey('REQUEST_URI');
const PATH_INFO = encodeKey('PATH_INFO');
const QUERY_STRING = encodeKey('QUERY_STRING');
const HTTP_HOST = encodeKey('HTTP_HOST');

/** Vars of a request that come from no header: those above, the fixed ones, the peer's and a late CONTENT_LENGTH. */
const OTHER_VARS = 16;

/** Versions as `begin` knows them: the minor of HTTP/1, or 2. */
export const HTTP_VERSION = { HTTP_1_0: 0, HTTP_1_1: 1, HTTP_2: 2 } as const;

/** Room behind a packet for `appendContentLength`. */
export const CONTENT_LENGTH_VAR_BYTES = 40;
/** The largest packet an encoder writes. */
export const PACKET_BYTES_MAX = PACKET_HEADER_BYTES + PACKET_VARS_BYTES_MAX;

/** REMOTE_ADDR and REMOTE_PORT, encoded: the same for all requests of a connection. An unknown port is an empty string. */
export function encodePeer(address: string, port: string): Uint8Array {
  return Buffer.concat([encodeVar('REMOTE_ADDR', address), encodeVar('REMOTE_PORT', port)]);
}

/** One request at a time: `begin`, each header, `end`. The fields hold until the next `begin`. */
export class RequestEncoder {
  /** `contentLength`, `chunked` and `expectContinue` say how the body comes. */
  readonly check = new FramingCheck();
  /** Why `end` answered 0. */
  refusal: Refusal = REFUSAL.BAD_REQUEST;
  /** The client asked for the connection to be closed after the response. */
  connectionClose = false;
  /** The client asked for it to be kept open: what HTTP/1.0 needs for that. */
  connectionKeepAlive = false;
  /** Connection names Upgrade. */
  private connectionUpgrade = false;
  /** A header came twice: the packet is to be written again, by `joinHeaders`. */
  repeated = false;
  private readonly target = new RequestTarget();
  private readonly writer = new PacketWriter();
  private readonly varsBytesMax: number;
  /** SERVER_PROTOCOL, SCRIPT_NAME, SERVER_NAME and SERVER_PORT, by version. HTTP/2 by the name that nginx gives it. */
  private readonly fixedVars: readonly Uint8Array[];
  private method = '';
  private uri = '';
  private version: number = HTTP_VERSION.HTTP_1_1;
  private peer: Uint8Array = new Uint8Array(0);
  private buffer: Buffer = Buffer.alloc(0);
  private targetOutcome: number = TARGET.OK;
  private headers = 0;

  /** `port`: of the listening socket; a unix socket has none, and says 80 as in uWSGI, or 443. `isTls`: HTTPS is spoken there. */
  constructor(varsBytesMax: number, port: number | undefined, isTls = false) {
    this.varsBytesMax = Math.min(varsBytesMax, PACKET_VARS_BYTES_MAX);
    const fixed = (protocol: string) =>
      Buffer.concat([
        encodeVar('SERVER_PROTOCOL', protocol),
        encodeVar('SCRIPT_NAME', ''),
        encodeVar('SERVER_NAME', hostname()),
        encodeVar('SERVER_PORT', String(port ?? (isTls ? 443 : 80))),
        ...(isTls ? [encodeVar('HTTPS', 'on'), encodeVar('REQUEST_SCHEME', 'https')] : []),
      ]);
    this.fixedVars = ['HTTP/1.0', 'HTTP/1.1', 'HTTP/2.0'].map(fixed);
  }

  /** Starts a packet at the front of `buffer`. Method and target as they came, one character for each byte; `version`: a HTTP_VERSION; `peer` by `encodePeer`. */
  begin(buffer: Buffer, method: string, uri: string, version: number, peer: Uint8Array): void {
    this.buffer = buffer;
    this.method = method;
    this.uri = uri;
    this.version = version;
    this.peer = peer;
    this.connectionClose = false;
    this.connectionKeepAlive = false;
    this.connectionUpgrade = false;
    this.repeated = false;
    this.headers = 0;
    this.check.reset(version);
    this.targetOutcome = this.target.parse(method, uri);
    this.writeRequestLine();
  }

  /** Takes a header as it came. */
  header(name: string, value: string): void {
    const known = this.check.header(name, value);
    this.headers++;
    if (known.kind === HEADER.CONNECTION) this.noteConnection(value);
    else if (known.kind === HEADER.TRANSFER_ENCODING) return;
    else if (known.kind === HEADER.HOST && this.target.form === TARGET_FORM.ABSOLUTE) return;
    if (known.cgi === null) return;
    if (this.check.repeated) this.repeated = true;
    this.writer.keyed(known.key, value);
  }

  /** Completes the packet: where its vars end, or 0 when the request is refused. A body's length is `check.contentLength`. */
  end(): number {
    const fault = this.check.finish(this.method);
    if (fault !== FRAMING.OK) return this.refuse(framingRefusal(fault));
    if (this.targetOutcome === TARGET.NUL_IN_PATH) return this.refuse(REFUSAL.NUL_IN_PATH);
    if (this.targetOutcome !== TARGET.OK) return this.refuse(REFUSAL.BAD_TARGET);
    if (this.target.form === TARGET_FORM.AUTHORITY) return this.refuse(REFUSAL.NO_TUNNEL);
    if (this.headers > PACKET_VARS_MAX - OTHER_VARS) return this.refuse(REFUSAL.TOO_MANY_HEADERS);
    const varsEnd = this.writer.end();
    // A chunked body's CONTENT_LENGTH is added when it is known.
    const late = this.check.chunked ? CONTENT_LENGTH_VAR_BYTES : 0;
    if (varsEnd < 0 || varsEnd + late > PACKET_BYTES_MAX) return this.refuse(REFUSAL.HEADERS_TOO_LARGE);
    return varsEnd;
  }

  /** After `end`: the client offers to go on with another protocol, and there is no body before it. */
  get offersUpgrade(): boolean {
    const { connectionUpgrade, check, version, method } = this;
    return (
      connectionUpgrade &&
      version === HTTP_VERSION.HTTP_1_1 &&
      method === 'GET' &&
      check.contentLength <= 0 &&
      !check.chunked
    );
  }

  /** Writes the packet again, with the values of headers that came more than once joined. `list`: name, value, name, value… */
  joinHeaders(list: readonly string[]): void {
    const values = new Map<string, string>();
    for (let i = 0; i + 1 < list.length; i += 2) {
      const name = list[i] as string;
      const { cgi, kind } = headerName(name);
      if (cgi === null || kind === HEADER.TRANSFER_ENCODING) continue;
      if (kind === HEADER.HOST && this.target.form === TARGET_FORM.ABSOLUTE) continue;
      const value = list[i + 1] as string;
      const first = values.get(cgi);
      values.set(cgi, first === undefined ? value : joinRepeated(name, first, value));
    }
    this.writeRequestLine();
    for (const [cgi, value] of values) this.writer.var(cgi, value);
    this.repeated = false;
  }

  private writeRequestLine(): void {
    const { writer, target } = this;
    writer.begin(this.buffer, 0, this.varsBytesMax);
    writer.keyed(REQUEST_METHOD, this.method);
    writer.keyed(REQUEST_URI, this.uri);
    writer.keyed(PATH_INFO, target.pathInfo);
    writer.keyed(QUERY_STRING, target.queryString);
    writer.rawVar(this.fixedVars[this.version] as Uint8Array);
    writer.rawVar(this.peer);
    // RFC 9112 section 3.2.2: the host of an absolute target replaces what Host says.
    if (target.form === TARGET_FORM.ABSOLUTE) writer.keyed(HTTP_HOST, target.host);
  }

  private noteConnection(value: string): void {
    for (const option of value === 'keep-alive' ? [value] : value.toLowerCase().split(',')) {
      const name = option.trim();
      if (name === 'close') this.connectionClose = true;
      else if (name === 'keep-alive') this.connectionKeepAlive = true;
      else if (name === 'upgrade') this.connectionUpgrade = true;
    }
  }

  private refuse(refusal: Refusal): number {
    this.refusal = refusal;
    return 0;
  }
}

/** Adds CONTENT_LENGTH to a finished packet at the front of `packet`, for a body whose length its head did not tell. The new end. */
export function appendContentLength(packet: Buffer, varsEnd: number, bodyBytes: number): number {
  const encoded = encodeVar('CONTENT_LENGTH', String(bodyBytes));
  packet.set(encoded, varsEnd);
  const end = varsEnd + encoded.length;
  writeU16le(packet, 1, end - PACKET_HEADER_BYTES);
  return end;
}

/**
 * A copy of a finished packet with the trailers (lines as `trailerLines` gives them) of a body that has come to its end. Null when a
 * packet cannot hold them.
 */
export function appendTrailers(packet: Buffer, varsEnd: number, lines: string): Buffer | null {
  return appendVars(packet, varsEnd, new Map([[TRAILERS_VAR, lines]]));
}
