// The gate of the `route…` options: takes a request through the rules, one after the other. What comes out is an answer, the
// request with other vars, or the request as it came. Nothing here waits, and patterns are only tried on texts of bounded length.
import { TrustedAddresses } from '../../base/trusted-addresses.js';
import type { Comparison, Route, RouteAction, RouteTest, Template } from '../../config/route.js';
import { RequestTarget, TARGET, TARGET_FORM } from '../../protocol/request-target.js';
import { addRouteHeader, ROUTE_HEADERS_VAR, readRouteHeaders } from '../../protocol/route-headers.js';
import { statusReason } from '../../protocol/status.js';
import { appendVars } from '../../protocol/uwsgi-encoder.js';
import { REFUSAL, type Refusal, refusalBody } from '../http/refusal.js';
import { type Header, type JudgedRequest, LocalAnswer, type RequestGate, type Verdict } from './gate.js';
import type { RouteFiles } from './route-files.js';
import { RouteValues } from './route-values.js';

const PLAIN_TEXT: Header = ['Content-Type', 'text/plain'];
/** Answers of `take`: the next rule, or none; any other is the index of the rule to go on with. */
const NEXT = -1;
const END = -2;

/** A rule, and what its test needs besides. */
interface CompiledRoute extends Route {
  readonly networks: TrustedAddresses | null;
}

export class RouteGate implements RequestGate {
  private readonly routes: readonly CompiledRoute[];
  private readonly files: RouteFiles;
  private readonly values = new RouteValues();
  private readonly target = new RequestTarget();
  private answer: LocalAnswer | null = null;

  constructor(routes: readonly Route[], files: RouteFiles) {
    this.files = files;
    this.routes = routes.map((route) => {
      return { ...route, networks: route.test.kind === 'address' ? new TrustedAddresses(route.test.networks) : null };
    });
  }

  judge(request: JudgedRequest): Verdict {
    const { values, routes } = this;
    values.begin(request);
    this.answer = null;
    for (let at = 0; at < routes.length && this.answer === null; ) {
      const route = routes[at] as CompiledRoute;
      values.forgetGroups();
      const outcome = this.holds(route) !== route.negated ? this.take(route.action, request) : NEXT;
      if (outcome === END) break;
      at = outcome === NEXT ? at + 1 : outcome;
    }
    // Set by the rules, in calls that the compiler does not look into.
    const answer = this.answer as LocalAnswer | null;
    if (answer !== null) return answer.with(readRouteHeaders(values.find(ROUTE_HEADERS_VAR)));
    return values.changed.size === 0 ? null : this.rewritten(request);
  }

  private rewritten({ packet, varsEnd }: JudgedRequest): Verdict {
    return appendVars(packet, varsEnd, this.values.changed) ?? refused(REFUSAL.HEADERS_TOO_LARGE);
  }

  // ---- tests

  private holds({ test, networks }: CompiledRoute): boolean {
    const { values } = this;
    switch (test.kind) {
      case 'always':
        return true;
      case 'match':
        return this.matches(test);
      case 'compare':
        return compare(test.how, values.text(test.left), values.text(test.right));
      case 'empty':
        return values.text(test.subject) === '';
      case 'address': {
        const address = values.text(test.subject);
        return address !== '' && networks?.includes(address) === true;
      }
      default:
        return test satisfies never;
    }
  }

  private matches({ subject, pattern }: Extract<RouteTest, { kind: 'match' }>): boolean {
    const text = this.values.text(subject);
    if (text.length > pattern.bytesMax) {
      this.answer = refused(REFUSAL.TOO_LONG_FOR_RULE);
      return false;
    }
    const groups = pattern.regexp.exec(text);
    if (groups !== null) this.values.keepGroups(groups, subject);
    return groups !== null;
  }

  // ---- actions

  private take(action: RouteAction, request: JudgedRequest): number {
    const { values } = this;
    // The test has given the answer.
    if (this.answer !== null) return END;
    switch (action.kind) {
      case 'end':
        return END;
      case 'answer':
        return this.respond(action.status, [], action.text);
      case 'redirect':
        return this.respond(action.status, [['Location', values.url(action.location)]], 'Moved');
      case 'rewrite':
        return this.rewrite(values.url(action.target), action.isLast);
      case 'set':
        values.set(action.name, values.text(action.value));
        return NEXT;
      case 'header': {
        const lines = values.find(ROUTE_HEADERS_VAR);
        values.set(ROUTE_HEADERS_VAR, addRouteHeader(lines, action.name, values.text(action.value)));
        return NEXT;
      }
      case 'static':
        return this.serveFile(request, action.path);
      case 'goto':
        return action.index;
      default:
        return action satisfies never;
    }
  }

  private respond(status: number, headers: readonly Header[], text: string): number {
    const hasBody = status !== 204 && status !== 304;
    const body = hasBody ? Buffer.from(`${text === '' ? statusReason(status) : text}\n`, 'latin1') : Buffer.alloc(0);
    this.answer = new LocalAnswer(status, hasBody ? [...headers, PLAIN_TEXT] : headers, body);
    return END;
  }

  private serveFile(request: JudgedRequest, path: Template): number {
    const { method } = request;
    if (method !== 'GET' && method !== 'HEAD') return this.respond(405, [['Allow', 'GET, HEAD']], '');
    const answer = request.hasBody
      ? refused(REFUSAL.BAD_REQUEST)
      : this.files.answer(request, path, this.values.text(path));
    if (answer === null) return this.respond(404, [], '');
    this.answer = answer;
    return END;
  }

  /** Another path, and what stands behind its question mark before the query that is there. */
  private rewrite(url: string, isLast: boolean): number {
    const { values, target } = this;
    if (target.parse('GET', url) !== TARGET.OK || target.form !== TARGET_FORM.ORIGIN) {
      this.answer = refused(REFUSAL.BAD_TARGET);
      return END;
    }
    const query = [target.queryString, values.find('QUERY_STRING')].filter((each) => each !== '').join('&');
    const [path = ''] = url.split('?', 1);
    values.set('PATH_INFO', target.pathInfo);
    values.set('QUERY_STRING', query);
    // Node applications know no PATH_INFO: to them the target is the path.
    values.set('REQUEST_URI', query === '' ? path : `${path}?${query}`);
    return isLast ? END : NEXT;
  }
}

function refused(refusal: Refusal): LocalAnswer {
  return new LocalAnswer(refusal.status, [PLAIN_TEXT], Buffer.from(refusalBody(refusal)));
}

function compare(how: Comparison, left: string, right: string): boolean {
  switch (how) {
    case 'equal':
      return left === right;
    case 'startswith':
      return left.startsWith(right);
    case 'endswith':
      return left.endsWith(right);
    case 'contains':
      return left.includes(right);
    default:
      return how satisfies never;
  }
}
