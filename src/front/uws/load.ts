// Loads uWebSockets.js, or says why not. The only importer of that package.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { errorMessage } from '../../base/errors.js';
import { nativeAllowed } from '../../system/libc.js';
import type { Uws } from './api.js';

/** Bytes of headers taken from one request, where the build asks the environment; 20.30 does not, and takes 4096. */
const MAX_HEADERS_SIZE = '65536';

let loaded: { uws: Uws } | { reason: string } | undefined;

/** Loads the package once; the headers' limit is set before. Never takes the JavaScript stand-in that some packages fall back to. */
export function loadUws(): { uws: Uws } | { reason: string } {
  loaded ??= tryLoad();
  return loaded;
}

function tryLoad(): { uws: Uws } | { reason: string } {
  if (!nativeAllowed()) return { reason: 'FASTWSGI_NATIVE=0' };
  const require = createRequire(import.meta.url);
  let main: string;
  try {
    main = require.resolve('uWebSockets.js');
  } catch {
    return { reason: 'uWebSockets.js is not installed' };
  }
  const binary = findBinary(main);
  if (binary === undefined) {
    const { node, modules } = process.versions;
    return {
      reason: `uWebSockets.js has no binary for ${process.platform} ${process.arch} on Node ${node} (ABI ${modules})`,
    };
  }
  process.env.UWS_HTTP_MAX_HEADERS_SIZE ??= MAX_HEADERS_SIZE;
  try {
    const uws = require(binary) as Uws;
    if (!isNative(uws)) return { reason: 'uWebSockets.js loads, but not as a native module' };
    // No `uWebSockets: 20` header in responses.
    uws._cfg('silent');
    return { uws };
  } catch (error) {
    return { reason: `uWebSockets.js does not load: ${errorMessage(error).split('\n')[0]}` };
  }
}

/** The binary for this Node: beside the main file in the official package, under binaries/ in the packages made from it. */
function findBinary(main: string): string | undefined {
  const { platform, arch, versions } = process;
  const name = `uws_${platform}_${arch}_${versions.modules}.node`;
  const folder = dirname(main);
  return [join(folder, name), join(folder, '..', 'binaries', name)].find((path) => existsSync(path));
}

function isNative(uws: Uws): boolean {
  return (
    typeof uws.App === 'function' && /\{\s*\[native code\]\s*\}\s*$/.test(Function.prototype.toString.call(uws.App))
  );
}
