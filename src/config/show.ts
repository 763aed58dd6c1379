// `--show-config`: the resolved configuration as INI text. Read again it is the same configuration.
import type { Configuration } from './configuration.js';
import { isFilledIn } from './expand.js';
import { quote } from './ini-value.js';
import { escapeMagic } from './magic.js';
import type { Setting } from './setting.js';

/** One `[uwsgi]` section: includes, blocks and placeholders are resolved, defaults are left out, the order is kept. */
export function showConfig(configuration: Configuration): string {
  const shown = configuration.settings.filter((setting) => setting.role !== 'control');
  const isSet = (key: string) => configuration.options.has(key);
  return `[uwsgi]\n${shown.map((setting) => `${showSetting(setting, isSet)}\n`).join('')}`;
}

function showSetting({ key, value, role }: Setting, isSet: (key: string) => boolean): string {
  const text = escapeMagic(isFilledIn(value, isSet) ? escapePlaceholders(value) : value);
  if (role === 'plain') return `${key} = ${quote(text)}`.trimEnd();
  // White space around the value of an assignment is cut, unless something is on its other side.
  const kept = text === text.trim() ? text : `${NOTHING}${text}${NOTHING}`;
  return `set-placeholder = ${quote(`${key}=${kept}`)}`;
}

/** Maths without a value: filled in by the last pass, with nothing. */
const NOTHING = '%(+ +)';

/** What a placeholder brought in must not be one when it is read again: mark and parenthesis stand apart until then. */
function escapePlaceholders(value: string): string {
  return value.replace(/([$@%])\(/g, `$1${NOTHING}(`);
}
