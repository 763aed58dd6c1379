// The files of the page, read once: the build puts them beside this file.
import { readFileSync } from 'node:fs';
import type { Asset } from './stats-http.js';

const FILES: readonly (readonly [path: string, file: string, type: string])[] = [
  ['/', 'index.html', 'text/html; charset=utf-8'],
  ['/style.css', 'style.css', 'text/css; charset=utf-8'],
  ['/page.js', 'page.js', 'text/javascript; charset=utf-8'],
  ['/chart.js', 'chart.js', 'text/javascript; charset=utf-8'],
  ['/rates.js', 'rates.js', 'text/javascript; charset=utf-8'],
];

/** By the path they are asked for with. */
export function pageAssets(): ReadonlyMap<string, Asset> {
  return new Map(
    FILES.map(([path, file, type]) => [path, { type, body: readFileSync(new URL(`page/${file}`, import.meta.url)) }]),
  );
}
