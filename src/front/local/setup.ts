// What a front's thread is told of the answers that it gives itself, out of the configuration.
import type { Configuration } from '../../config/configuration.js';
import { redirectRoutes } from '../../config/routes.js';
import type { Counters } from '../../observe/counters.js';
import type { LocalSetup } from './desk.js';
import { staticOptions } from './static-options.js';

/** One for each thread with fronts. */
export interface LocalSetups {
  readonly main: LocalSetup;
  readonly gateway: LocalSetup;
}

/** `folder`: where relative paths start from. `mainIndex`, `gatewayIndex`: which of the counters are theirs. */
export function localSetups(
  configuration: Configuration,
  folder: string,
  { memory: counters, cores }: Counters,
  mainIndex: number,
  gatewayIndex: number,
): LocalSetups {
  const { routes, addHeaders, requestLog } = configuration;
  const gate = { routes, folder, static: staticOptions(configuration, folder) };
  const setup = (counterIndex: number) => ({ gate, addHeaders, counters, cores, counterIndex, requestLog });
  return { main: setup(mainIndex), gateway: setup(gatewayIndex) };
}

/** The same for an address that sends every client to https, on `port` if one is given. */
export function redirectSetup(setup: LocalSetup, port: number | undefined): LocalSetup {
  const { gate } = setup;
  const noFiles = { ...gate.static, maps: [], fallbacks: [] };
  return { ...setup, gate: { ...gate, routes: redirectRoutes(port), static: noFiles } };
}
