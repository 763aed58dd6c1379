// The media type of a file, by its name: what the operator's files of types say, else the `mime` package. Its one importer.
import { extname } from 'node:path';
import mime from 'mime';
import { FastwsgiError, systemErrorText } from '../../base/errors.js';
import { readOperatorFile } from '../../config/operator-files.js';

/** RFC 2046 section 4.5.1: what is known to be bytes, and not to be shown. */
const UNKNOWN = 'application/octet-stream';

/** Own types: extension without its dot, in lower case, to type. */
export type OwnTypes = ReadonlyMap<string, string>;

/** Reads files in the format of /etc/mime.types: a type, and the extensions that have it. Throws a FastwsgiError (ERR_FILE). */
export function readMimeFiles(paths: readonly string[]): OwnTypes {
  const types = new Map<string, string>();
  for (const path of paths) {
    for (const line of readTypes(path).split('\n')) {
      const [type = '', ...extensions] = line.replace(/#.*/, '').trim().split(/\s+/);
      for (const extension of extensions) types.set(extension.toLowerCase(), type);
    }
  }
  return types;
}

function readTypes(path: string): string {
  try {
    return readOperatorFile(path).toString('latin1');
  } catch (cause) {
    const text = `Cannot read the media types in ${path}: ${systemErrorText(cause)}`;
    throw new FastwsgiError('ERR_FILE', text, { option: 'mimefile', cause });
  }
}

export function mediaType(file: string, own: OwnTypes): string {
  return own.get(extname(file).slice(1).toLowerCase()) ?? mime.getType(file) ?? UNKNOWN;
}
