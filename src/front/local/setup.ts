// What a front's thread is told of the answers that it gives itself, out of the configuration.
import type { Configuration } from '../../config/configuration.js';
import { redirectRoutes } from '../../config/routes.js';
import type { LocalSetup } from './desk.js';
import { staticOptions } from './static-options.js';

/** `folder`: where relative paths start from. `counterIndex`: which of `counters` are this thread's. */
export function localSetup(
  configuration: Configuration,
  folder: string,
  counters: SharedArrayBuffer,
  counterIndex: number,
): LocalSetup {
  const { routes, addHeaders, requestLog } = configuration;
  return {
    gate: { routes, folder, static: staticOptions(configuration, folder) },
    addHeaders,
    counters,
    counterIndex,
    requestLog,
  };
}

/** The same for an address that sends every client to https, on `port` if one is given. */
export function redirectSetup(setup: LocalSetup, port: number | undefined): LocalSetup {
  const { gate } = setup;
  const noFiles = { ...gate.static, maps: [], fallbacks: [] };
  return { ...setup, gate: { ...gate, routes: redirectRoutes(port), static: noFiles } };
}
