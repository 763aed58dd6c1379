// What a route is once it was read: data, which may be sent to another thread.

/** A piece of an argument: text as it stands, `$1`, `${NAME}`, `${cookie[name]}` or `${qs[name]}`. */
export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'group'; readonly index: number }
  | { readonly kind: 'var' | 'cookie' | 'qs'; readonly name: string };

export type Template = readonly TemplatePart[];

/** A pattern, and the longest text that it is tried on: so that no request can keep the front's thread. */
export interface Pattern {
  readonly regexp: RegExp;
  readonly bytesMax: number;
}

export type Comparison = 'equal' | 'startswith' | 'endswith' | 'contains';

/** When a route's action is taken. */
export type RouteTest =
  | { readonly kind: 'always' }
  | { readonly kind: 'match'; readonly subject: Template; readonly pattern: Pattern }
  | { readonly kind: 'compare'; readonly how: Comparison; readonly left: Template; readonly right: Template }
  | { readonly kind: 'empty'; readonly subject: Template }
  /** Networks as TrustedAddresses reads them. */
  | { readonly kind: 'address'; readonly subject: Template; readonly networks: readonly string[] };

export type RouteAction =
  /** No further rule; the request goes on. */
  | { readonly kind: 'end' }
  | { readonly kind: 'answer'; readonly status: number; readonly text: string }
  | { readonly kind: 'redirect'; readonly status: 301 | 302; readonly location: Template }
  | { readonly kind: 'rewrite'; readonly target: Template; readonly isLast: boolean }
  | { readonly kind: 'set'; readonly name: string; readonly value: Template }
  | { readonly kind: 'header'; readonly name: string; readonly value: Template }
  /** An absolute path, or one from chdir. */
  | { readonly kind: 'static'; readonly path: Template }
  /** To the rule of this index. */
  | { readonly kind: 'goto'; readonly index: number };

export interface Route {
  readonly test: RouteTest;
  /** The action is taken when the test fails. */
  readonly negated: boolean;
  readonly action: RouteAction;
}
