// The URL of a request, in the form the URL standard gives it: that is what a Request's `url` is.
import { isHost } from '../../protocol/request-framing.js';
import { targetBelow } from '../../protocol/request-target.js';
import { urlScheme, type Vars } from '../vars.js';

// What the URL standard leaves as it is. Anything else takes the way through its parser, which costs ten times as much.
/** Nothing to escape, no dot segment. */
const PLAIN_TARGET = /^(?!\/\/)(?!.*\/\.)(?!.*%2e)\/[A-Za-z0-9\-._~%!$&()*+,;=:@/?]*$/i;
/** A name without capitals, or an IPv4 address; a port that no scheme implies. */
const PLAIN_HOST =
  /^(?!.*xn--)(?:(?:[a-z][a-z0-9-]*\.)*[a-z][a-z0-9-]*|(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]\d|\d)(?:\.(?!:|$)|(?=:|$))){4})(?::(?!80$|443$)(?:[1-9]\d{0,3}|[1-5]\d{4}))?$/;

/** `http://example.com/a?b`. A host that cannot stand in a URL gives way to the server's own name and port. */
export function requestUrl(vars: Vars, mountPoint: string): string {
  const scheme = schemeOf(vars);
  const host = vars.HTTP_HOST ?? '';
  // PATH_INFO is what the mount point has left of it.
  const path = mountPoint + (vars.PATH_INFO ?? '');
  const target = targetBelow(mountPoint, vars.REQUEST_URI ?? '', path, vars.QUERY_STRING ?? '');
  if (PLAIN_HOST.test(host) && PLAIN_TARGET.test(target)) return `${scheme}://${host}${target}`;
  return parsedUrl(scheme, host, target) ?? parsedUrl(scheme, serverHost(vars), target) ?? `${scheme}://localhost/`;
}

function parsedUrl(scheme: string, host: string, target: string): string | undefined {
  if (host === '' || !isHost(host)) return undefined;
  try {
    // A target in absolute form brings the host that HTTP_HOST has; one like `//a/b` is a path here.
    const path = /^https?:\/\/[^/?#]*(.*)$/i.exec(target)?.[1] ?? target;
    const url = new URL(`${scheme}://${host}`);
    return new URL(`${url.origin}${path.startsWith('/') ? '' : '/'}${path}`).href;
  } catch {
    return undefined;
  }
}

function schemeOf(vars: Vars): string {
  const scheme = urlScheme(vars).toLowerCase();
  return scheme === 'https' || vars.REQUEST_SCHEME === 'https' ? 'https' : 'http';
}

function serverHost(vars: Vars): string {
  const { SERVER_NAME = 'localhost', SERVER_PORT = '' } = vars;
  const name = SERVER_NAME.includes(':') && !SERVER_NAME.startsWith('[') ? `[${SERVER_NAME}]` : SERVER_NAME;
  return SERVER_PORT === '' ? name : `${name}:${SERVER_PORT}`;
}
