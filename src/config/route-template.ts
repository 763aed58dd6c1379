// Arguments of routes: text with `$1`, `${NAME}`, `${cookie[name]}` and `${qs[name]}` in it. Latin-1, as the vars of a request are.
import type { Template, TemplatePart } from './route.js';

const PIECE = /\$(?:(\d)|\{([^}]*)\})/g;
const INDEXED = /^(\w+)\[([^\]]*)\]$/;

/** Reads an argument. Throws an Error that says what cannot be done. */
export function parseTemplate(text: string): Template {
  const bytes = toBytes(text);
  const parts: TemplatePart[] = [];
  let end = 0;
  for (const match of bytes.matchAll(PIECE)) {
    if (match.index > end) parts.push({ kind: 'text', text: bytes.slice(end, match.index) });
    parts.push(match[1] === undefined ? parseName(match[2] ?? '') : { kind: 'group', index: Number(match[1]) });
    end = match.index + match[0].length;
  }
  if (end < bytes.length) parts.push({ kind: 'text', text: bytes.slice(end) });
  return parts;
}

function parseName(text: string): TemplatePart {
  const [, kind, name = ''] = INDEXED.exec(text) ?? [];
  if (kind === 'cookie' || kind === 'qs') return { kind, name };
  if (kind !== undefined) throw new Error(`there is no $\{${kind}[…]} here, only $\{cookie[…]} and $\{qs[…]}`);
  if (!/^\w+$/.test(text)) throw new Error(`the name of a variable is wanted, got "$\{${text}}"`);
  return { kind: 'var', name: text };
}

/** UTF-8, one character for each byte: what a request holds. */
export function toBytes(text: string): string {
  return Buffer.from(text).toString('latin1');
}
