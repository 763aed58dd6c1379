// Loads an application of kind `python`: starts its process.
import { resolve } from 'node:path';
import { errorMessage, FastwsgiError } from '../../base/errors.js';
import type { PythonInit } from '../../lane/worker-init.js';
import type { Application, WorkerContext } from '../exchange.js';
import type { ApplicationSpec } from '../locate.js';
import { PythonApplication } from './application.js';
import { interpreterOf } from './locate.js';

const NO_SETTINGS: PythonInit = {
  pythonPath: [],
  chdir2: undefined,
  options: [],
  socketTimeoutMs: 4000,
  autoreloadMs: 0,
  harakiriVerbose: false,
};

/** Throws ERR_APPLICATION_LOAD, with Python's traceback as its cause. */
export async function loadPython(spec: ApplicationSpec, context: WorkerContext): Promise<Application> {
  const { module, file, callable, chdir, home, python = NO_SETTINGS } = spec;
  const [name, exported] = module === undefined ? [undefined, undefined] : splitModule(module);
  const target = {
    interpreter: interpreterOf(home),
    folder: chdir,
    module: name,
    file: file === undefined ? undefined : resolve(chdir, file),
    callable: exported ?? callable,
  };
  try {
    return await PythonApplication.start(target, python, context);
  } catch (error) {
    if (error instanceof FastwsgiError) throw error;
    const summary = errorMessage(error).trimEnd().split('\n').at(-1);
    throw new FastwsgiError('ERR_APPLICATION_LOAD', `Cannot load ${name ?? file}: ${summary}`, { cause: error });
  }
}

function splitModule(module: string): readonly [string, string | undefined] {
  const colon = module.indexOf(':');
  return colon < 0 ? [module, undefined] : [module.slice(0, colon), module.slice(colon + 1)];
}
