// The headers of a request: what the web server in front made variables of, turned back.
import { keyNamed, VAR } from '../../protocol/var-keys.js';
import type { Vars } from '../vars.js';

/** Every header that can be one: what no Headers takes (a control character in a value) is left out. */
export function requestHeaders(vars: Vars): Headers {
  const pairs: [string, string][] = [];
  for (const variable in vars) {
    const { kind, header } = keyNamed(variable);
    // nginx sends HTTP_CONTENT_TYPE beside CONTENT_TYPE.
    if (kind !== VAR.HEADER || variable === 'HTTP_CONTENT_TYPE') continue;
    const value = vars[variable] as string;
    // And an empty CONTENT_TYPE where there is none.
    if (value !== '' || variable.startsWith('HTTP_')) pairs.push([header, value]);
  }
  try {
    return new Headers(pairs);
  } catch {
    return headersOneByOne(pairs);
  }
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
