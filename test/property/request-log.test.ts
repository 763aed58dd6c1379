// Whatever a client sends and whatever the format: a request is one line of printable text, quotes hold, JSON is JSON.
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { defaultTemplate, LOG_VARIABLES, parseLogTemplate } from '../../dist/base/log-template.js';
import { lineOf, settingsOf } from '../helpers/log-request.js';

const NAMES = [
  ...['REQUEST_METHOD', 'REQUEST_URI', 'SERVER_PROTOCOL', 'REMOTE_ADDR', 'REMOTE_USER', 'HTTP_HOST'],
  ...['HTTP_USER_AGENT', 'HTTP_REFERER', 'HTTP_X'],
];

/** Bytes as a latin-1 string: any, those of texts with every character there is, and those that mean something to a log. */
const value = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  fc.string({ unit: 'binary', maxLength: 40 }).map((text) => Buffer.from(text).toString('latin1')),
  fc
    .array(
      fc.constantFrom('"', '\\', '\n', '\r', '\x1b[2J', '\x9b', '\u202e', '\u2028', '%(uri)', '","a":"', '}', ' - '),
    )
    .map((texts) => Buffer.from(texts.join('')).toString('latin1')),
);
const vars = fc.tuple(...NAMES.map((name) => fc.tuple(fc.constant(name), value)));
/** Control characters, separators of lines, and what turns the direction of writing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const FORBIDDEN = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
const VARIABLES = [...LOG_VARIABLES, 'var.HTTP_X', 'mine', 'metric.nothing'];
/** What an application sets: any text. */
const logVariables = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => new Map([['mine', text]]));

test('the default line, and one of all variables, is a line of printable text', () => {
  const everything = parseLogTemplate(VARIABLES.map((name) => `%(${name})`).join(' '));
  fc.assert(
    fc.property(vars, logVariables, (sent, set) => {
      for (const template of [defaultTemplate(true, false), everything]) {
        assert.doesNotMatch(lineOf(settingsOf(template), { vars: sent, logVariables: set }), FORBIDDEN);
      }
    }),
  );
});

test('a value between quotes stays between them', () => {
  const template = parseLogTemplate(VARIABLES.map((name) => `"%(${name})"`).join('|'));
  fc.assert(
    fc.property(vars, logVariables, (sent, set) => {
      const line = lineOf(settingsOf(template), { vars: sent, logVariables: set });
      assert.doesNotMatch(line, FORBIDDEN);
      assert.match(line, new RegExp(`^"[^"]*"(\\|"[^"]*"){${VARIABLES.length - 1}}$`));
    }),
  );
});

/** What a reader of JSON is to get for bytes: the text, or latin-1 where it is no UTF-8. */
function textOf(sent: string): string {
  const bytes = Buffer.from(sent, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : sent;
}

test('a JSON line is JSON, and its values are what the client sent', () => {
  const inside = parseLogTemplate(`{${VARIABLES.map((name) => `"${name}":"%(${name})"`).join(',')}}`);
  const outside = parseLogTemplate(`{${VARIABLES.map((name) => `"${name}":%(${name})`).join(', ')}}`);
  const json = parseLogTemplate('json');
  fc.assert(
    fc.property(vars, logVariables, (sent, set) => {
      const of = (name: string) => textOf(sent.find(([key]) => key === name)?.[1] ?? '');
      for (const template of [inside, outside, json]) {
        const line = lineOf(settingsOf(template), { vars: sent, logVariables: set });
        assert.doesNotMatch(line, FORBIDDEN);
        const read = JSON.parse(line);
        const empty = template === inside ? '-' : null;
        assert.deepEqual(
          [read.method, read.uri, read.proto, read.addr, read.user, read.host, read.uagent, read.referer],
          NAMES.slice(0, 8).map((name) => of(name) || empty),
        );
        if (template === json) continue;
        assert.deepEqual([read['var.HTTP_X'], read.mine], [of('HTTP_X') || empty, set.get('mine') || empty]);
      }
    }),
  );
});

test('whatever a template says, it is read or refused, and a request is logged by it', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 8 }),
    fc.constantFrom('"', '\\"', '{', '}', ':', ',', '%', '(', ')', '%(', '%%'),
    fc.constantFrom(...VARIABLES).map((name) => `%(${name})`),
  );
  fc.assert(
    fc.property(fc.array(piece), vars, (pieces, sent) => {
      const format = pieces.join('');
      let template: ReturnType<typeof parseLogTemplate>;
      try {
        template = parseLogTemplate(format);
      } catch (error) {
        assert.match(String(error), /begins and ends like a JSON object and is none/);
        return;
      }
      const line = lineOf(settingsOf(template), { vars: sent });
      if (format.trim().startsWith('{') && format.trim().endsWith('}')) assert.doesNotThrow(() => JSON.parse(line));
    }),
  );
});
