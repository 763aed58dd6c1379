// `log-format`, read: a template's text and variables, and how the value of each has to be escaped where it stands. Pure data:
// it is made once, with the configuration, and passed on to every thread.

/** uWSGI's variables (core/logging.c, uwsgi_register_logchunks), and four of ours: app, req, reqs and isotime. */
export const LOG_VARIABLES = [
  ...['uri', 'method', 'user', 'addr', 'host', 'proto', 'uagent', 'referer', 'status', 'rsize', 'hsize', 'size', 'cl'],
  ...['micros', 'msecs', 'secs', 'time', 'tmsecs', 'tmicros', 'ctime', 'ltime', 'ftime', 'epoch', 'pid', 'wid', 'core'],
  ...['switches', 'vars', 'pktsize', 'modifier1', 'modifier2', 'headers', 'vsz', 'rss', 'vszM', 'rssM'],
  ...['werr', 'rerr', 'ioerr', 'app', 'req', 'reqs', 'isotime'],
] as const;

export type LogVariable = (typeof LOG_VARIABLES)[number];

/**
 * How a value is written:
 * - plain: as it is, what is no printable text as `\xNN`;
 * - quoted: as plain, and quotes and backslashes as `\xNN`, too, for it stands between quotes;
 * - string: as the inside of a JSON string;
 * - json: as a JSON value: a number, a string with its quotes, or null when there is none.
 */
export type ValueForm = 'plain' | 'quoted' | 'string' | 'json';

export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: LogVariable; readonly form: ValueForm }
  /** A variable of the request, as in `%(var.HTTP_X_REQUEST_ID)`. */
  | { readonly kind: 'request'; readonly name: string; readonly form: ValueForm }
  /** One that the application may set, as by uwsgi.set_logvar(). */
  | { readonly kind: 'application'; readonly name: string; readonly form: ValueForm }
  /** One that nobody knows: uWSGI's metrics. */
  | { readonly kind: 'nothing'; readonly name: string; readonly form: ValueForm };

export interface LogTemplate {
  readonly parts: readonly TemplatePart[];
  /** What stands for a missing value, except in JSON values. */
  readonly empty: '' | '-';
}

/** Which requests are logged, and how; undefined where none is. */
export interface RequestLogSettings {
  readonly template: LogTemplate;
  /** The strftime format of `%(ftime)`; undefined: as `%(ltime)`. */
  readonly dateFormat: string | undefined;
  /** The proxies whose X-Forwarded-For names the client in `%(addr)`, empty: whoever has connected; undefined: it is not looked at. */
  readonly forwardedBy: readonly string[] | undefined;
  /** Every request, or only those with something that is named below. */
  readonly all: boolean;
  readonly status4xx: boolean;
  readonly status5xx: boolean;
  /** A response without a body. */
  readonly zero: boolean;
  /** The client went away. */
  readonly ioError: boolean;
  /** At least so long, or so large a body; 0: whatever it is. */
  readonly slowMs: number;
  readonly bigBytes: number;
}

/** uWSGI's default line. */
export function defaultTemplate(memoryReport: boolean, micros: boolean): LogTemplate {
  const memory = '{address space usage: %(vsz) bytes/%(vszM)MB} {rss usage: %(rss) bytes/%(rssM)MB} ';
  const elapsed = micros ? '%(micros) micros' : '%(msecs) msecs';
  const line =
    '[pid: %(pid)|app: %(app)|req: %(req)/%(reqs)] %(addr) (%(user)) {%(vars) vars in %(pktsize) bytes} [%(ctime)] ' +
    `%(method) %(uri) => generated %(rsize) bytes in ${elapsed} (%(proto) %(status)) ` +
    '%(headers) headers in %(hsize) bytes (%(switches) switches on core %(core))';
  return { parts: textParts(memoryReport ? memory + line : line), empty: '' };
}

/** What `log-format = json` stands for. */
export const JSON_FORMAT =
  '{"time":%(isotime),"addr":%(addr),"user":%(user),"method":%(method),"uri":%(uri),"proto":%(proto),"host":%(host),' +
  '"status":%(status),"bytes":%(rsize),"micros":%(micros),"referer":%(referer),"uagent":%(uagent),"pid":%(pid),"worker":%(wid)}';

/**
 * Reads a `log-format`: `json`, a JSON object in braces, or any other text. Throws an Error that says why it is no JSON
 * object, if it begins and ends like one.
 */
export function parseLogTemplate(format: string): LogTemplate {
  if (format === 'json') return { parts: jsonParts(JSON_FORMAT), empty: '-' };
  const isJson = /^\s*\{.*\}\s*$/s.test(format);
  return { parts: isJson ? jsonParts(format) : textParts(format), empty: '-' };
}

/** Names in the template that mean nothing, and those that mean something if the application sets them. */
export function namesOf({ parts }: LogTemplate, kind: 'nothing' | 'application'): readonly string[] {
  return parts.flatMap((part) => (part.kind === kind ? [part.name] : []));
}

const VARIABLE = /%\(([^()]+)\)/;

/** Text and names of variables by turns: text stands at the even places. */
function split(format: string): readonly string[] {
  return format.split(VARIABLE);
}

function textParts(format: string): TemplatePart[] {
  let quotes = 0;
  return split(format).map((piece, i) => {
    if (i % 2 === 1) return variable(piece, quotes % 2 === 1 ? 'quoted' : 'plain');
    quotes += piece.split('"').length - 1;
    return { kind: 'text', text: piece };
  });
}

function jsonParts(format: string): TemplatePart[] {
  let inString = false;
  const parts = split(format).map((piece, i): TemplatePart => {
    if (i % 2 === 1) return variable(piece, inString ? 'string' : 'json');
    inString = endsInString(piece, inString);
    // Between values, white space is all the same to JSON; a line end would make two lines of one.
    return { kind: 'text', text: piece.replace(/\s/g, ' ') };
  });
  const sample = parts.map((part) => (part.kind === 'text' ? part.text : part.form === 'json' ? '0' : '')).join('');
  try {
    JSON.parse(sample);
  } catch {
    throw new Error(`it begins and ends like a JSON object and is none; with values filled in it is ${sample}`);
  }
  return parts;
}

function endsInString(text: string, startsInString: boolean): boolean {
  let inString = startsInString;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '"') inString = !inString;
    else if (inString && text[i] === '\\') i++;
  }
  return inString;
}

const KNOWN: ReadonlySet<string> = new Set(LOG_VARIABLES);

function variable(name: string, form: ValueForm): TemplatePart {
  if (KNOWN.has(name)) return { kind: 'variable', name: name as LogVariable, form };
  if (name.startsWith('var.') && name.length > 4) return { kind: 'request', name: name.slice(4), form };
  return { kind: name.startsWith('metric.') ? 'nothing' : 'application', name, form };
}
