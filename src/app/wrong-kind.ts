// A function of two parameters is called as (environ, startResponse) or as (req, res); where the names of its parameters say
// nothing, that is a guess. What a wrongly called one fails with gives it away. Looked at when a request has failed only.

/** What is called on a request, and not on an environ. */
const REQUEST_METHODS = /^(?:on|once|pipe|resume|setEncoding|read|unpipe)$/;
/** `res.end is not a function`, `startResponse is not a function`. */
const NO_FUNCTION = /^([\w$]+)(?:\.([\w$]+))? is not a function/;

/** What the log says about an `application` that was called as one of `kind` and failed with `error`; undefined: nothing. */
export function wrongKindHint(kind: 'wsgi' | 'node', application: unknown, error: unknown): string | undefined {
  if (!(error instanceof TypeError) || typeof application !== 'function') return undefined;
  const [, object, method] = NO_FUNCTION.exec(error.message) ?? [];
  const [first, second] = parametersOf(application);
  if (object === undefined || second === undefined) return undefined;
  if (kind === 'node') {
    return object === second && method === undefined
      ? `The application looks like (environ, startResponse), and is called as (req, res): if it is the former, set app-kind = wsgi`
      : undefined;
  }
  if (method === undefined || !(object === second || (object === first && REQUEST_METHODS.test(method))))
    return undefined;
  return `The application looks like (req, res), and is called as (environ, startResponse): if it is the former, set app-kind = node`;
}

/** The names of the first two, as far as the source tells them. */
function parametersOf(application: object): readonly (string | undefined)[] {
  const source = Function.prototype.toString.call(application);
  return /^[^(]*\(\s*([\w$]+)\s*,\s*([\w$]+)\s*[,)]/.exec(source)?.slice(1) ?? [];
}
