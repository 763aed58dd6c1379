// The logging part of the configuration: where lines go, which requests have one, and what it looks like.
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { errorMessage } from '../base/errors.js';
import {
  defaultTemplate,
  type LogTemplate,
  namesOf,
  parseLogTemplate,
  type RequestLogSettings,
} from '../base/log-template.js';
import { applicationFolder } from './application-folder.js';
import type { LoggingConfiguration } from './configuration.js';
import { logPlanOf } from './loggers.js';
import { findOption } from './options.js';
import type { OptionValues } from './resolve.js';
import type { Report, Setting } from './setting.js';

export function loggingOf(
  values: OptionValues,
  settings: readonly Setting[],
  report: Report,
  trustedProxies: readonly string[],
  cwd: string,
): LoggingConfiguration {
  const logto = values.get('logto');
  const named = logto ?? values.get('daemonize') ?? values.get('daemonize2');
  const file = named === undefined ? undefined : resolve(cwd, named);
  const folder = applicationFolder({ cwd, chdir: values.get('chdir') });
  return {
    logto,
    logto2: values.get('logto2'),
    requestLog: requestLogOf(values, settings, report, trustedProxies),
    logPlan: logPlanOf(values, settings, report, { hostname: hostname(), file, folder }),
    logMaxBytes: values.get('log-maxsize'),
    logBackupName: values.get('log-backupname'),
    touchLogreopen: values.get('touch-logreopen'),
    quiet: values.get('quiet'),
  };
}

function requestLogOf(
  values: OptionValues,
  settings: readonly Setting[],
  report: Report,
  trustedProxies: readonly string[],
): RequestLogSettings | undefined {
  const template = templateOf(values, settings, report);
  const named = {
    status4xx: values.get('log-4xx'),
    status5xx: values.get('log-5xx'),
    slowMs: values.get('log-slow'),
    bigBytes: values.get('log-big'),
    zero: values.get('log-zero'),
    ioError: values.get('log-ioerror'),
  };
  const all = !values.get('disable-logging');
  if (!all && !Object.values(named).some(Boolean)) return undefined;
  const date = values.get('log-date');
  const dateFormat = values.get('logformat-strftime') && date !== '' ? date : undefined;
  const forwardedBy = values.get('log-x-forwarded-for') ? trustedProxies : undefined;
  return { template, dateFormat, forwardedBy, all, ...named };
}

function templateOf(values: OptionValues, settings: readonly Setting[], report: Report): LogTemplate {
  const byDefault = defaultTemplate(values.get('memory-report'), values.get('log-micros'));
  const format = values.get('log-format');
  const setting = settings.findLast(({ key, role }) => role === 'plain' && findOption(key)?.name === 'log-format');
  if (format === undefined || setting === undefined) return byDefault;
  try {
    const template = parseLogTemplate(format);
    const warn = (name: string, why: string) =>
      report.warn(setting.place, `Option "${setting.key}"`, `: %(${name}) ${why}`);
    for (const name of namesOf(template, 'nothing')) warn(name, 'is no variable here and always empty');
    // Nobody but a Python application can set one.
    if (values.get('app-kind') !== 'python') {
      for (const name of namesOf(template, 'application'))
        warn(name, 'is empty unless uwsgi.set_logvar() sets it, in Python');
    }
    return template;
  } catch (error) {
    report.badOption(setting.place, setting.key, errorMessage(error));
    return byDefault;
  }
}
