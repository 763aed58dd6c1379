// What a worker thread is told of the application it loads.
import { resolve } from 'node:path';
import type { Configuration } from '../config/configuration.js';
import type { WorkerInitCommon } from '../lane/worker-init.js';

/** `folder`: where relative paths of the application start from. */
export function applicationInit(configuration: Configuration, folder: string): WorkerInitCommon['application'] {
  const { home, chdir2 } = configuration;
  return {
    module: configuration.moduleName,
    file: configuration.wsgiFile,
    callable: configuration.callable,
    kind: configuration.appKind,
    chdir: folder,
    home: home === undefined ? undefined : resolve(folder, home),
    python: {
      pythonPath: configuration.pythonPath.map((path) => resolve(folder, path)),
      chdir2: chdir2 === undefined ? undefined : resolve(folder, chdir2),
      options: [...configuration.options],
      socketTimeoutMs: configuration.socketTimeoutMs,
      autoreloadMs: configuration.autoreloadMs,
      harakiriVerbose: configuration.harakiriVerbose,
    },
  };
}
