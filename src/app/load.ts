// Loads an application into this thread: finds its file, imports it, takes the export and gives it to its kind.
import { pathToFileURL } from 'node:url';
import { errorMessage, FastwsgiError } from '../base/errors.js';
import type { Application, WorkerContext } from './exchange.js';
import { openGlobals } from './fetch/globals.js';
import { searchHome } from './home.js';
import { isApplication, selectKind } from './kinds.js';
import { type ApplicationSpec, type Located, locateFile, locateModule } from './locate.js';
import { becomeMain } from './main-module.js';
import { Adoption } from './node/adopt.js';
import { isPython } from './python/locate.js';
import { locateSyntaxError } from './syntax-error.js';
import { importTypeScript, isTypeScript } from './typescript.js';

/** The name that is looked for when none is asked for, as in uWSGI. */
const CALLABLE_DEFAULT = 'application';

/** Throws ERR_APPLICATION_LOAD, with the application's own error as its cause. */
export async function loadApplication(spec: ApplicationSpec, context: WorkerContext): Promise<Application> {
  if (isPython(spec)) return (await import('./python/load.js')).loadPython(spec, context);
  const located = locate(spec);
  const { file } = located;
  const asked = located.exportName ?? spec.callable;
  if (spec.home !== undefined) searchHome(spec.home);
  const adoption = new Adoption(context);
  openGlobals();
  // Whoever names an export imports the module; else it is run, as by node itself.
  if (asked === undefined) becomeMain(file);
  try {
    const module = await importFile(file, spec.chdir);
    return await makeApplication(module, file, asked, spec, context, adoption);
  } finally {
    adoption.end();
  }
}

async function makeApplication(
  module: Namespace,
  file: string,
  asked: string | undefined,
  { kind }: ApplicationSpec,
  context: WorkerContext,
  adoption: Adoption,
): Promise<Application> {
  try {
    let exported = exportedApplication(module, asked);
    // An application is not awaited: a router that answers to every name answers to `then`, and never calls back.
    if (!isApplication(exported, kind)) exported = await exported;
    // A server of the application's own goes before what it exports, unless that is called what we look for.
    const isNamed =
      asked !== undefined || (kind ?? 'node') !== 'node' || pickExport(module, CALLABLE_DEFAULT) !== undefined;
    if (!isNamed) exported = adoption.server ?? exported;
    if (!isNamed && !isApplication(exported, kind)) exported = (await adoption.wait(file)) ?? exported;
    if (exported === undefined) throw new FastwsgiError('ERR_APPLICATION_LOAD', noExportMessage(module, asked));
    return await selectKind(exported, kind).create(exported, context);
  } catch (error) {
    throw loadError(file, error);
  }
}

/** What is exported under the name that was asked for, or made by the factory of that name, or a promise of it. Undefined when there is none. */
function exportedApplication(module: Namespace, asked: string | undefined): unknown {
  const isFactory = asked?.endsWith('()') === true;
  const name = isFactory ? asked.slice(0, -2) : asked;
  const picked = pickExport(module, name);
  return isFactory && picked !== undefined ? callFactory(picked, name) : picked;
}

function locate(spec: ApplicationSpec): Located {
  if (spec.module !== undefined) return locateModule(spec.module, spec.chdir);
  if (spec.file !== undefined) return locateFile(spec.file, spec.chdir);
  throw new FastwsgiError('ERR_APPLICATION_LOAD', 'There is no application to load: set module or wsgi-file');
}

type Namespace = Readonly<Record<string, unknown>>;

async function importFile(file: string, chdir: string): Promise<Namespace> {
  try {
    if (isTypeScript(file)) return await importTypeScript(file, chdir);
    return (await import(pathToFileURL(file).href)) as Namespace;
  } catch (error) {
    throw loadError(file, error, await locateSyntaxError(error, file));
  }
}

/** The export called `name`; without a name `application`, then the default export. Undefined when there is none. */
function pickExport(module: Namespace, name: string | undefined): unknown {
  const wanted = name ?? CALLABLE_DEFAULT;
  // Of a CommonJS module Node sees only the names that a scan of its text finds; the default export is module.exports.
  const fallback =
    property(module.default, '__esModule') === true ? property(module.default, 'default') : module.default;
  const named = module[wanted] ?? property(module.default, wanted);
  return named ?? (name === undefined ? fallback : undefined);
}

function property(value: unknown, name: string): unknown {
  const holds = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return holds && Object.hasOwn(value, name) ? (value as Namespace)[name] : undefined;
}

function callFactory(factory: unknown, name: string | undefined): unknown {
  if (typeof factory !== 'function') throw new TypeError(`${name} is no function`);
  return (factory as () => unknown)();
}

function noExportMessage(module: Namespace, asked: string | undefined): string {
  const name = asked?.replace(/\(\)$/, '');
  const wanted =
    name === undefined
      ? `neither an export ${CALLABLE_DEFAULT} nor a default one, and does not call listen()`
      : `no export ${name}`;
  const names = Object.keys(module);
  return `it has ${wanted}; ${names.length === 0 ? 'it exports nothing' : `it exports ${names.join(', ')}`}`;
}

/** `place`: `file:line` where that is known. */
function loadError(file: string, error: unknown, place = ''): FastwsgiError {
  const hint =
    error instanceof SyntaxError && /import statement outside a module|Unexpected token 'export'/.test(error.message)
      ? '; it is an ES module: call it .mjs, or put "type": "module" into its package.json'
      : '';
  // One of ours may only carry the application's error.
  const cause = error instanceof FastwsgiError ? (error.cause ?? error) : error;
  const option = error instanceof FastwsgiError ? error.option : undefined;
  const message = `Cannot load ${file}: ${errorMessage(error)}${place === '' ? '' : ` (${place})`}${hint}`;
  return new FastwsgiError('ERR_APPLICATION_LOAD', message, option === undefined ? { cause } : { option, cause });
}
