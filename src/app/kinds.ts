// The kinds of application there are, and which one an export is. A kind is added by adding a folder and a row here.
import { FastwsgiError } from '../base/errors.js';
import { APPLICATION_KINDS, type ApplicationKind } from './exchange.js';
import { fetchKind } from './fetch/kind.js';
import { nodeKind } from './node/kind.js';
import { wsgiKind } from './wsgi/kind.js';

/** In the order in which they are asked whether an export is theirs. */
const KINDS: readonly ApplicationKind[] = [fetchKind, nodeKind, wsgiKind];

/**
 * The kind that option `app-kind` names, or else the one `exported` is. Throws ERR_APPLICATION_LOAD when it is none, or one
 * that this version does not have.
 */
export function selectKind(exported: unknown, appKind: string | undefined): ApplicationKind {
  if (appKind !== undefined) return namedKind(appKind, exported);
  const kind = KINDS.find((candidate) => candidate.matches(exported, false));
  if (kind === undefined) throw noApplication(exported);
  return kind;
}

/** Whether `selectKind` would find a kind. */
export function isApplication(exported: unknown, appKind: string | undefined): boolean {
  return KINDS.some(
    (kind) => (appKind === undefined || kind.name === appKind) && kind.matches(exported, appKind !== undefined),
  );
}

function namedKind(name: string, exported: unknown): ApplicationKind {
  const kind = KINDS.find((candidate) => candidate.name === name);
  if (kind === undefined) {
    const known: readonly string[] = APPLICATION_KINDS;
    if (known.includes(name)) throw notYet(name);
    const names = KINDS.map((candidate) => candidate.name).join(', ');
    throw new FastwsgiError('ERR_APPLICATION_LOAD', `There is no kind "${name}" of application; there is ${names}`, {
      option: 'app-kind',
    });
  }
  if (!kind.matches(exported, true)) throw noApplication(exported);
  return kind;
}

function notYet(kind: string): FastwsgiError {
  const message = `Cannot load an application of kind ${kind}, which is not there yet in this version`;
  return new FastwsgiError('ERR_APPLICATION_LOAD', message, { option: 'app-kind' });
}

function noApplication(exported: unknown): FastwsgiError {
  return new FastwsgiError(
    'ERR_APPLICATION_LOAD',
    `The export is no application: expected a function (environ, startResponse), a listener (req, res), an object with a method fetch or a framework's application, got ${exported === null ? 'null' : `a value of type ${typeof exported}`}`,
  );
}
