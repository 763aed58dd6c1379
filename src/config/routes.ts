// Reads the `route…` options, which are one list in the order of the configuration: uWSGI's internal routing, as far as people
// use it without a web server in front.
import { assert } from '../base/assert.js';
import { errorMessage } from '../base/errors.js';
import { TrustedAddresses } from '../base/trusted-addresses.js';
import type { Comparison, Route, RouteAction, RouteTest, Template } from './route.js';
import { parseAction } from './route-actions.js';
import { parsePattern } from './route-pattern.js';
import { parseTemplate } from './route-template.js';
import { COMMAND_LINE, Report, type Setting } from './setting.js';

/** What the pattern of an option is tried on. */
const SUBJECTS: Readonly<Record<string, string>> = {
  route: 'PATH_INFO',
  'route-host': 'HTTP_HOST',
  'route-uri': 'REQUEST_URI',
  'route-qs': 'QUERY_STRING',
  'route-remote-addr': 'REMOTE_ADDR',
  'route-remote-user': 'REMOTE_USER',
  'route-user-agent': 'HTTP_USER_AGENT',
  'route-referer': 'HTTP_REFERER',
};

const COMPARISONS: Readonly<Record<string, Comparison>> = {
  equal: 'equal',
  isequal: 'equal',
  eq: 'equal',
  '==': 'equal',
  startswith: 'startswith',
  endswith: 'endswith',
  contains: 'contains',
  contain: 'contains',
};

/** A rule as far as it can be read alone: where `goto` leads is known only when all labels are. */
interface Draft {
  readonly setting: Setting;
  readonly test: RouteTest;
  readonly negated: boolean;
  readonly action: RouteAction | { readonly kind: 'goto-label'; readonly label: string };
}

/** All routes. What is wrong with one goes to the report, with its place. */
export function readRoutes(settings: readonly Setting[], report: Report): readonly Route[] {
  const drafts: Draft[] = [];
  const labels = new Map<string, number>();
  for (const setting of settings) {
    const { key, value, role } = setting;
    if (role !== 'plain' || value === '') continue;
    if (key === 'route-label') labels.set(value, drafts.length);
    else if (isRoute(key)) attempt(() => drafts.push(parseRoute(setting)), setting, report);
  }
  return drafts.flatMap(({ setting, test, negated, action }, index) => {
    if (action.kind !== 'goto-label') return [{ test, negated, action }];
    const target = labels.get(action.label) ?? -1;
    if (target > index) return [{ test, negated, action: { kind: 'goto', index: target } }];
    const why = target < 0 ? `there is no route-label ${action.label}` : 'goto only leads forward';
    report.badOption(setting.place, setting.key, why);
    return [];
  });
}

function isRoute(key: string): boolean {
  return Object.hasOwn(SUBJECTS, key) || key === 'route-if' || key === 'route-if-not' || key === 'route-run';
}

/** The rules of an address that sends every client to the same URL with https, on `port` if one is given. */
export function redirectRoutes(port: number | undefined): readonly Route[] {
  const lines: readonly (readonly [string, string])[] = [
    // A proxy's client names the host here (RFC 9112 section 3.2.2).
    ['route-uri', '^https?://[^/?#]*(.*)$ seturi:$1'],
    ['route-if', `empty:\${HTTP_HOST} break:400`],
    [
      'route-host',
      `^(\\[[^\\]]*\\]|[^:]*) redirect-permanent:https://$1${port === undefined ? '' : `:${port}`}\${REQUEST_URI}`,
    ],
  ];
  const settings = lines.map(
    ([key, value]): Setting => ({ key, value, place: COMMAND_LINE, role: 'plain', bare: false }),
  );
  const report = new Report();
  const routes = readRoutes(settings, report);
  assert(!report.failed, 'our own rules can be read');
  return routes;
}

function attempt(read: () => void, { key, place }: Setting, report: Report): void {
  try {
    read();
  } catch (error) {
    report.badOption(place, key, errorMessage(error));
  }
}

function parseRoute(setting: Setting): Draft {
  const { key, value } = setting;
  if (key === 'route-run') return { setting, test: { kind: 'always' }, negated: false, action: parseCommand(value) };
  const [, condition = '', command = ''] = /^(\S+)\s+(\S.*)$/s.exec(value) ?? [];
  const isCondition = key.startsWith('route-if');
  if (command === '') {
    throw new Error(`${isCondition ? 'CONDITION:A;B' : 'PATTERN'} ACTION:ARGUMENT is wanted, got "${value}"`);
  }
  const subject = parseTemplate(`\${${SUBJECTS[key]}}`);
  const test: RouteTest = isCondition
    ? parseCondition(condition)
    : { kind: 'match', subject, pattern: parsePattern(condition) };
  return { setting, test, negated: key === 'route-if-not', action: parseCommand(command) };
}

function parseCommand(text: string): Draft['action'] {
  if (!text.startsWith('goto:')) return parseAction(text);
  const label = text.slice('goto:'.length);
  if (label === '') throw new Error('the name of a route-label is wanted behind the colon');
  return { kind: 'goto-label', label };
}

/** `equal:${HTTP_HOST};a.example`. */
function parseCondition(text: string): RouteTest {
  const [, name = '', argument = ''] = /^([^:]+):(.*)$/s.exec(text) ?? [];
  if (name === 'empty') return { kind: 'empty', subject: parseTemplate(argument) };
  const comparison = Object.hasOwn(COMPARISONS, name) ? COMPARISONS[name] : undefined;
  const isAddress = name === 'ipv4in' || name === 'ipv6in';
  if (comparison === undefined && !isAddress && name !== 'regexp' && name !== 're') {
    const known = [...Object.keys(COMPARISONS), 'regexp', 're', 'empty', 'ipv4in', 'ipv6in'].join(', ');
    throw new Error(`there is no condition "${name}" here: those that exist are ${known}`);
  }
  const [, first = '', second] = /^([^;]*);(.*)$/s.exec(argument) ?? [];
  if (second === undefined) throw new Error(`${name}:A;B is wanted, got "${text}"`);
  const subject: Template = parseTemplate(first);
  if (comparison !== undefined)
    return { kind: 'compare', how: comparison, left: subject, right: parseTemplate(second) };
  if (!isAddress) return { kind: 'match', subject, pattern: parsePattern(second) };
  new TrustedAddresses([second]);
  return { kind: 'address', subject, networks: [second] };
}
