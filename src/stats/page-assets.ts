// The files of the page, read once: the build puts them beside this file.
import { readFileSync } from 'node:fs';
import type { Asset } from './stats-http.js';

const FILES: readonly (readonly [path: string, file: string, type: string])[] = [];

/** By the path they are asked for with. */
export function pageAssets(): ReadonlyMap<string, Asset> {
  return new Map(
    FILES.map(([path, file, type]) => [path, { type, body: readFileSync(new URL(`page/${file}`, import.meta.url)) }]),
  );
}
