// Option rows: the rules that are looked at before a request goes to the application (uWSGI's internal routing). They are one
// list, which routes.ts reads.
import type { OptionRow } from './option-row.js';

const ROUTE = { group: 'routing', kind: 'text', repeat: true, status: 'works' } as const;
const MATCH = { ...ROUTE, placeholder: 'PATTERN ACTION:ARGUMENT' } as const;
const CONDITION = { ...ROUTE, placeholder: 'CONDITION:A;B ACTION:ARGUMENT' } as const;

export const ROUTING_OPTIONS = [
  {
    name: 'route',
    ...MATCH,
    help: 'take the action when the pattern matches PATH_INFO. All route options are one list, in the order of the configuration; docs/http.md has the actions and conditions',
  },
  { name: 'route-host', ...MATCH, help: 'the same with the Host header' },
  { name: 'route-uri', ...MATCH, help: 'the same with REQUEST_URI: the target as it came, with its query' },
  { name: 'route-qs', ...MATCH, help: 'the same with QUERY_STRING' },
  { name: 'route-remote-addr', ...MATCH, help: 'the same with REMOTE_ADDR' },
  { name: 'route-remote-user', ...MATCH, help: 'the same with REMOTE_USER' },
  { name: 'route-user-agent', ...MATCH, help: 'the same with the User-Agent header' },
  { name: 'route-referer', ...MATCH, help: 'the same with the Referer header' },
  { name: 'route-if', ...CONDITION, help: 'take the action when the condition holds' },
  { name: 'route-if-not', ...CONDITION, help: 'take the action when the condition does not hold' },
  { name: 'route-run', ...ROUTE, placeholder: 'ACTION:ARGUMENT', help: 'take the action in any case' },
  { name: 'route-label', ...ROUTE, placeholder: 'NAME', help: 'where goto:NAME leads' },
] as const satisfies readonly OptionRow[];
