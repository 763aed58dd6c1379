// Trailer fields (RFC 9110 section 6.5): which may stand behind a body, and how those of a request reach its application, as
// lines in a var of the packet. Whoever puts them there has checked them; HTTP fronts do, with `trailerLines`.
import { headerName } from './cgi-names.js';
import { isFieldValue, trimSpace } from './field-values.js';

/** The var that holds them: `Name: value`, each line with its CR LF. No header of a client can have this name. */
export const TRAILERS_VAR = 'REQUEST_TRAILERS';

/** Bytes of all trailers of a message. */
export const TRAILER_BYTES_MAX = 16_384;

/**
 * What must be known before the body, or is the connection's, cannot stand behind it (RFC 9110 section 6.5.1): framing, routing,
 * authentication, request modifiers, response control data, content format.
 */
const NO_TRAILER =
  /^(?:transfer-encoding|content-(?:length|encoding|type|range)|trailer|host|connection|keep-alive|proxy-connection|upgrade|te|http2-settings|expect|max-forwards|cache-control|cookie|set-cookie|authorization|www-authenticate|proxy-auth.*|forwarded|x-forwarded-.*|x-real-ip|age|date|expires|location|retry-after|vary|warning|pragma|range|if-.*)$/i;

/** Whether a field of this name must not be a trailer. */
export function isNoTrailer(name: string): boolean {
  return NO_TRAILER.test(name);
}

/** Trailers that came, as the var has them; what a header could not be, or a trailer must not be, is left out. `raw`: name, value, name, value… */
export function trailerLines(raw: readonly string[]): string {
  let lines = '';
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = trimSpace(raw[i + 1] as string);
    // Without a CGI name: no token, or with an underscore, as of headers.
    if (headerName(name).cgi === null || isNoTrailer(name) || !isFieldValue(value)) continue;
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

/** Name and value of each line, as it came or as the var has it. */
export function trailerPairs(lines: string): [string, string][] {
  const pairs: [string, string][] = [];
  for (const line of lines.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) pairs.push([line.slice(0, colon), trimSpace(line.slice(colon + 1))]);
  }
  return pairs;
}
