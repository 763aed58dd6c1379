// What the rules know of a request: its vars, those that rules have changed, the groups of the last pattern that matched; and
// arguments filled in with them.
import type { Template, TemplatePart } from '../../config/route.js';
import type { JudgedRequest } from './gate.js';

/** Values of these are percent-encoded as the client has sent them; all others are what they mean. */
const ENCODED_VARS = ['REQUEST_URI', 'QUERY_STRING', 'HTTP_REFERER'];

/** RFC 3986: what cannot stand in a URL; in a path, as part of it; in a parameter's value. */
const NOT_IN_A_URL = /[^!#-;=?-[\]_a-z~]/g;
const NOT_IN_A_PATH = /[^!$&-;=@-Z[\]_a-z~]/g;
const NOT_IN_A_QUERY = /[^!$'-*,-:@-Z_a-z~]/g;

/** One request after the other. */
export class RouteValues {
  /** The vars that rules have set. */
  readonly changed = new Map<string, string>();
  private readonly known = new Map<string, string>();
  private request: JudgedRequest | null = null;
  private groups: readonly (string | undefined)[] = [];
  private groupsAreEncoded = false;

  begin(request: JudgedRequest): void {
    this.request = request;
    this.changed.clear();
    this.known.clear();
    this.forgetGroups();
  }

  /** The value of a var, empty where there is none. */
  find(name: string): string {
    let value = this.known.get(name);
    if (value === undefined) {
      value = this.request?.find(name) ?? '';
      this.known.set(name, value);
    }
    return value;
  }

  set(name: string, value: string): void {
    this.known.set(name, value);
    this.changed.set(name, value);
  }

  /** What `$1` means from now on: a match of a pattern on what `subject` gave. */
  keepGroups(groups: readonly (string | undefined)[], subject: Template): void {
    this.groups = groups;
    this.groupsAreEncoded = subject.some(isEncoded);
  }

  forgetGroups(): void {
    this.groups = [];
    this.groupsAreEncoded = false;
  }

  /** An argument as it stands. */
  text(template: Template): string {
    if (template.length === 1) return this.value(template[0] as TemplatePart);
    let text = '';
    for (const part of template) text += this.value(part);
    return text;
  }

  /**
   * An argument as a URL. What comes from the request is encoded for the place where it stands: it makes no query, no further
   * parameter, and no other host.
   */
  url(template: Template): string {
    let url = '';
    for (const part of template) {
      const value = this.value(part);
      const isUrl = part.kind === 'text' || (part.kind === 'group' ? this.groupsAreEncoded : isEncoded(part));
      const unfit = isUrl ? NOT_IN_A_URL : url.includes('?') ? NOT_IN_A_QUERY : NOT_IN_A_PATH;
      url += value.replace(unfit, percent);
    }
    const [first] = template;
    const saysHost = first?.kind === 'text' && /^(?:\/\/|[a-z][a-z0-9+.-]*:)/i.test(first.text);
    return saysHost ? url : url.replace(/^\/{2,}/, '/');
  }

  private value(part: TemplatePart): string {
    switch (part.kind) {
      case 'text':
        return part.text;
      case 'group':
        return this.groups[part.index] ?? '';
      case 'cookie':
        return pairIn(this.find('HTTP_COOKIE'), ';', part.name);
      case 'qs':
        return pairIn(this.find('QUERY_STRING'), '&', part.name);
      default:
        return this.find(part.name);
    }
  }
}

function isEncoded(part: TemplatePart): boolean {
  return part.kind === 'qs' || (part.kind === 'var' && ENCODED_VARS.includes(part.name));
}

/** The value of the first `name=value`, as it came. */
function pairIn(text: string, separator: string, name: string): string {
  for (const pair of text.split(separator)) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return '';
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
