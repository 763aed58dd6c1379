// The headers of a request: what the web server in front made variables of, turned back.
import type { RequestVars } from '../vars.js';

/** Names remembered at a time; one more and all are forgotten, so that clients who make names up cannot fill the memory. */
const NAMES_MAX = 1024;
/** Longer names are worked out each time. */
const NAME_LENGTH_MAX = 128;

/** Header names by variable; undefined for a variable that comes from no header. */
const names = new Map<string, string | undefined>();

/** Every header that can be one: what no Headers takes (a control character in a value) is left out. */
export function requestHeaders(vars: RequestVars): Headers {
  const pairs: [string, string][] = [];
  for (const variable in vars) {
    const name = names.get(variable) ?? headerOf(variable);
    const value = vars[variable] as string;
    // nginx sends an empty CONTENT_TYPE where there is none.
    if (name !== undefined && (value !== '' || variable.startsWith('HTTP_'))) pairs.push([name, value]);
  }
  try {
    return new Headers(pairs);
  } catch {
    return headersOneByOne(pairs);
  }
}

/** `x-foo` of HTTP_X_FOO. */
function headerOf(variable: string): string | undefined {
  if (names.has(variable)) return undefined;
  const name = headerName(variable);
  if (names.size === NAMES_MAX) names.clear();
  if (variable.length <= NAME_LENGTH_MAX) names.set(variable, name);
  return name;
}

function headerName(variable: string): string | undefined {
  if (variable === 'CONTENT_TYPE' || variable === 'CONTENT_LENGTH') return dashed(variable);
  // nginx sends these two beside the ones above.
  if (variable === 'HTTP_CONTENT_TYPE' || variable === 'HTTP_CONTENT_LENGTH') return undefined;
  return variable.startsWith('HTTP_') ? dashed(variable.slice(5)) : undefined;
}

function dashed(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

function headersOneByOne(pairs: readonly (readonly [string, string])[]): Headers {
  const headers = new Headers();
  for (const [name, value] of pairs) {
    try {
      headers.append(name, value);
    } catch {
      // Only a web server that lets everything through sends such a thing.
    }
  }
  return headers;
}
