// `UWSGI_*` environment variables as settings: `UWSGI_MAX_REQUESTS=100` is `max-requests = 100`.
import { findOption } from './options.js';
import type { Place } from './setting.js';

export interface EnvironmentSetting {
  readonly key: string;
  readonly value: string;
  readonly place: Place;
}

const PREFIX = 'UWSGI_';
/** Set by uWSGI for its children; no options. */
const IGNORED = new Set(['UWSGI_RELOADS', 'UWSGI_ORIGINAL_PROC_NAME', 'UWSGI_JAIL_PID']);
const IGNORED_PREFIX = /^UWSGI_(EMPEROR|BROODLORD|VASSALS)_/;

/** The settings that the environment makes, in its order. */
export function environmentSettings(env: NodeJS.ProcessEnv): readonly EnvironmentSetting[] {
  const settings: EnvironmentSetting[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || name === PREFIX || IGNORED.has(name) || IGNORED_PREFIX.test(name)) continue;
    const key = name.slice(PREFIX.length).toLowerCase().replaceAll('_', '-');
    // UWSGI_VERSION is what images call the version they install.
    if (findOption(key)?.group === 'command') continue;
    const place = { file: `in the environment variable ${name}`, line: 0, column: 0, text: '' };
    settings.push({ key, value: value ?? '', place });
  }
  return settings;
}
