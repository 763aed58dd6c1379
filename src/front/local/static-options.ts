// What is configured of static files, in a form that may be sent to the thread that serves them.
import { resolve } from 'node:path';
import type { StaticConfiguration } from '../../config/configuration.js';
import { type ExpiresRule, parseExpires, parseSeconds } from '../../config/static-rules.js';

/** A place where a request's file may be. */
export interface StaticMap {
  /** Of PATH_INFO; empty: every path. */
  readonly prefix: string;
  /** A folder, or one file; absolute. */
  readonly path: string;
  /** The prefix is a part of the file's path, too. */
  readonly keepsPrefix: boolean;
}

/** The file that answers where no other is; an empty path: the application answers. */
export interface StaticFallback {
  readonly prefix: string;
  readonly path: string;
}

export interface StaticExpires extends ExpiresRule {
  readonly by: 'file' | 'path' | 'uri' | 'type';
  /** Counted from the file's last change, not from now. */
  readonly fromChange: boolean;
}

export interface StaticOptions {
  /** In the order in which they are looked at. */
  readonly maps: readonly StaticMap[];
  /** Longest prefix first. */
  readonly fallbacks: readonly StaticFallback[];
  readonly index: readonly string[];
  readonly safe: readonly string[];
  readonly skipExtensions: readonly string[];
  readonly expires: readonly StaticExpires[];
  /** For which files `.br` and `.gz` files are looked for. */
  readonly compressed: {
    readonly all: boolean;
    readonly patterns: readonly string[];
    readonly folders: readonly string[];
    readonly endings: readonly string[];
  };
  readonly mimeFiles: readonly string[];
}

/** `folder`: where relative paths start. */
export function staticOptions(configuration: StaticConfiguration, folder: string): StaticOptions {
  const absolute = (path: string) => resolve(folder, path);
  const { checkStatic, staticMaps, staticMaps2, staticFallbacks, staticGzipDirs, mimeFiles } = configuration;
  return {
    maps: [
      ...checkStatic.map((path) => ({ prefix: '', path: absolute(path), keepsPrefix: false })),
      ...staticMaps.map(({ name, value }) => ({ prefix: name, path: absolute(value), keepsPrefix: false })),
      ...staticMaps2.map(({ name, value }) => ({ prefix: name, path: absolute(value), keepsPrefix: true })),
    ],
    fallbacks: staticFallbacks
      .map(({ name, value }) => ({ prefix: name, path: value === '' ? '' : absolute(value) }))
      .sort((a, b) => b.prefix.length - a.prefix.length),
    index: configuration.staticIndex,
    safe: configuration.staticSafe.map(absolute),
    skipExtensions: configuration.staticSkipExtensions,
    expires: expiresOf(configuration),
    compressed: {
      all: configuration.staticGzipAll,
      patterns: configuration.staticGzip,
      folders: staticGzipDirs.map(absolute),
      endings: configuration.staticGzipExtensions,
    },
    mimeFiles: mimeFiles.map(absolute),
  };
}

/** In uWSGI's order; the first that fits a file is the one. */
function expiresOf(configuration: StaticConfiguration): StaticExpires[] {
  const rules = (texts: readonly string[], by: StaticExpires['by'], fromChange: boolean) =>
    texts.map((text) => ({ ...parseExpires(text), by, fromChange }));
  const types = (list: StaticConfiguration['staticExpiresType'], fromChange: boolean) =>
    list.map(({ name, value }) => ({ pattern: name, seconds: parseSeconds(value), by: 'type' as const, fromChange }));
  return [
    ...rules(configuration.staticExpires, 'file', false),
    ...rules(configuration.staticExpiresMtime, 'file', true),
    ...rules(configuration.staticExpiresPathInfo, 'path', false),
    ...rules(configuration.staticExpiresPathInfoMtime, 'path', true),
    ...rules(configuration.staticExpiresUri, 'uri', false),
    ...rules(configuration.staticExpiresUriMtime, 'uri', true),
    ...types(configuration.staticExpiresType, false),
    ...types(configuration.staticExpiresTypeMtime, true),
  ];
}
