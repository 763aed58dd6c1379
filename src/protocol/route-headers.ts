// Headers that a rule adds to a response which it does not give itself: they travel with the request, in a var that no client
// can set, since what clients send begins with HTTP_.

/** Lines of `Name: value`, each with a line feed at its end. */
export const ROUTE_HEADERS_VAR = 'fastwsgi.headers';

/** Appends a header to the value of the var. Control characters of the value are taken out. */
export function addRouteHeader(lines: string, name: string, value: string): string {
  return `${lines}${name}: ${value.replace(NOT_IN_A_VALUE, '')}\n`;
}

const NOT_IN_A_VALUE = /[^\t\x20-\x7e\x80-\xff]+/g;

/** The headers in a value of the var. */
export function readRouteHeaders(lines: string): (readonly [string, string])[] {
  const headers: [string, string][] = [];
  for (const line of lines.split('\n')) {
    const colon = line.indexOf(': ');
    if (colon > 0) headers.push([line.slice(0, colon), line.slice(colon + 2)]);
  }
  return headers;
}
