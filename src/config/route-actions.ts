// The actions of routes, `NAME:ARGUMENT`, as uWSGI names them.

import type { RouteAction } from './route.js';
import { parseTemplate } from './route-template.js';

/** Reads what stands behind the colon. Throws an Error that says what was wanted. */
type Reader = (argument: string) => RouteAction;

const REASON_CHARACTERS = /^[\x20-\x7e]*$/;
/** What a front has acted on before the rules are looked at. */
const SETTLED_VARS = ['REQUEST_METHOD', 'CONTENT_LENGTH', 'SERVER_PROTOCOL'];

const readers: Readonly<Record<string, Reader>> = {
  last: () => ({ kind: 'end' }),
  continue: () => ({ kind: 'end' }),
  break: readBreak,
  return: readBreak,
  'break-with-status': readBreak,
  redirect: redirectReader(302),
  'redirect-302': redirectReader(302),
  'redirect-permanent': redirectReader(301),
  'redirect-301': redirectReader(301),
  rewrite: rewriteReader(false),
  'rewrite-last': rewriteReader(true),
  static: readStatic,
  addheader: readHeader,
  addvar: readVar,
  setscriptname: setReader('SCRIPT_NAME'),
  setpathinfo: setReader('PATH_INFO'),
  seturi: setReader('REQUEST_URI'),
  setremoteaddr: setReader('REMOTE_ADDR'),
  setuser: setReader('REMOTE_USER'),
  setscheme: setReader('UWSGI_SCHEME'),
  setdocroot: setReader('DOCUMENT_ROOT'),
};

/** What uWSGI knows besides, and what to do instead. */
const INSTEAD: readonly (readonly [names: string, advice: string])[] = [
  [
    'static-next file file-next sendfile sendfile-next fastfile fastfile-next',
    'use static, static-map or check-static',
  ],
  [
    'basicauth basicauth-next ldapauth ldapauth-next radius spnego fcgiauth access',
    'authenticate in nginx or in the application',
  ],
  ['http httpdumb proxyhttp httpconnect uwsgi proxyuwsgi fcgi hash', 'let nginx pass the request on'],
  [
    'cache cache-continue cachestore cache-store cachevar cacheset memcached redis',
    'cache in nginx or in the application',
  ],
  ['log logvar donotlog', 'use log-format'],
  ['gzip chunked toupper tofile to-file template xslt ssi', 'transform the response in nginx or in the application'],
  ['expires', 'use static-expires, or addheader:Cache-Control: max-age=…'],
  ['setapp setfile sethome chdir setmodifier1 setmodifier2 cgi call rpc', 'use mount'],
  ['delheader remheader clearheaders resetheaders disableheaders fixcl forcecl', 'set the headers in the application'],
  [
    'setmethod fixpathinfo signal send send-crnl alarm flush harakiri setprocname donotoffload offload',
    'do it in the application',
  ],
];

/** Reads `NAME:ARGUMENT`, but for `goto`. Throws an Error that says what is wrong, and what to do instead. */
export function parseAction(text: string): RouteAction {
  const [, name = '', argument = ''] = /^([^:]*):(.*)$/s.exec(text) ?? [];
  if (name === '') throw new Error(`ACTION:ARGUMENT is wanted, got "${text}"`);
  const reader = Object.hasOwn(readers, name) ? readers[name] : undefined;
  if (reader !== undefined) return reader(argument);
  const advice = INSTEAD.find(([names]) => names.split(' ').includes(name))?.[1];
  if (advice !== undefined) throw new Error(`there is no action "${name}" here: ${advice}`);
  throw new Error(`there is no action "${name}": those that exist are ${Object.keys(readers).join(', ')} and goto`);
}

function readBreak(argument: string): RouteAction {
  const [, status = '', text = ''] = /^(\d{3})(?: (.*))?$/.exec(argument) ?? [];
  if (status === '' || Number(status) < 200 || Number(status) > 599 || !REASON_CHARACTERS.test(text)) {
    const got =
      argument === '' ? 'nothing: without it uWSGI closes the connection, and last: ends the rules' : `"${argument}"`;
    throw new Error(`a status such as break:403 is wanted, got ${got}`);
  }
  return { kind: 'answer', status: Number(status), text };
}

function readStatic(argument: string): RouteAction {
  const path = parseTemplate(wanted(argument, 'the path of a file'));
  const [first] = path;
  if (first?.kind === 'text' && (path.length === 1 || first.text.includes('/'))) return { kind: 'static', path };
  throw new Error(`a folder is wanted before the first variable, got "${argument}"`);
}

function redirectReader(status: 301 | 302): Reader {
  return (argument) => ({ kind: 'redirect', status, location: parseTemplate(wanted(argument, 'a URL')) });
}

function rewriteReader(isLast: boolean): Reader {
  return (argument) => ({ kind: 'rewrite', target: parseTemplate(wanted(argument, 'a path')), isLast });
}

function setReader(name: string): Reader {
  return (argument) => ({ kind: 'set', name, value: parseTemplate(argument) });
}

function readVar(argument: string): RouteAction {
  const [, name = '', value = ''] = /^(\w+)=(.*)$/s.exec(argument) ?? [];
  if (name === '') throw new Error(`addvar:NAME=VALUE is wanted, got "${argument}"`);
  if (SETTLED_VARS.includes(name)) throw new Error(`${name} cannot be changed any more when the rules are looked at`);
  return { kind: 'set', name, value: parseTemplate(value) };
}

function readHeader(argument: string): RouteAction {
  const { name, value } = parseHeader(argument);
  return { kind: 'header', name, value: parseTemplate(value) };
}

function wanted(argument: string, what: string): string {
  if (argument === '') throw new Error(`${what} is wanted behind the colon`);
  return argument;
}

/** Reads `Name: value`. Throws an Error that says what is wrong. */
export function parseHeader(text: string): { readonly name: string; readonly value: string } {
  // RFC 9110 section 5.1: a field's name is a token.
  const [, name = '', value = ''] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*(.*?)[\t ]*$/s.exec(text) ?? [];
  if (name === '') throw new Error(`a header "Name: value" is wanted, got "${text}"`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a value must not hold
  if (/[\0-\x08\x0a-\x1f\x7f]/.test(value)) throw new Error('the value of a header holds no control characters');
  if (/^(content-length|transfer-encoding)$/i.test(name)) throw new Error(`${name} is set by the server`);
  return { name, value };
}
