// Chooses the HTTP engine of the main thread: uWebSockets.js where it loads and can be trusted, node:http everywhere.
import { FastwsgiError } from '../../base/errors.js';
import type { Front } from '../front.js';
import { NodeHttpFront } from '../node/front.js';
import type { Turns } from '../turns.js';
import { UwsFront } from '../uws/front.js';
import { loadUws } from '../uws/load.js';
import { selfCheck } from '../uws/self-check.js';
import type { HttpFrontOptions, MainThreadEngine } from './options.js';

export interface CreatedFront {
  readonly front: Front;
  /** One line for the start-up log: which engine serves, and why. */
  readonly notice: string;
}

/**
 * Makes the front of one HTTP address; it does not listen yet. `auto` takes uWebSockets.js if it loads and passes its
 * self-check. `uws` takes it also when it breaks RFC 9112, and says so; rejects with ERR_ENGINE where it cannot be used.
 */
export async function createHttpFront(
  engine: MainThreadEngine,
  options: HttpFrontOptions,
  turns: Turns,
): Promise<CreatedFront> {
  const byNode = (why: string): CreatedFront => {
    return { front: new NodeHttpFront(options, turns), notice: `http engine: node (${why})` };
  };
  if (engine === 'node') return byNode('http-engine = node');
  const loaded = loadUws();
  if ('reason' in loaded) {
    if (engine === 'uws') throw new FastwsgiError('ERR_ENGINE', `Cannot use http-engine uws: ${loaded.reason}`);
    return byNode(loaded.reason);
  }
  if (options.address.kind === 'abstract' || options.inherited !== undefined) {
    const why =
      options.inherited === undefined
        ? 'uWebSockets.js has no abstract sockets'
        : 'uWebSockets.js cannot take the socket that the guard or systemd has bound';
    if (engine === 'uws') throw new FastwsgiError('ERR_ENGINE', `Cannot use http-engine uws: ${why}`);
    return byNode(why);
  }
  if (options.proxyProtocol) {
    const why = 'uWebSockets.js cannot read the PROXY protocol';
    if (engine === 'uws') throw new FastwsgiError('ERR_ENGINE', `Cannot use http-engine uws: ${why}`);
    return byNode(why);
  }
  const { uws } = loaded;
  const { unusable, complaints } = await selfCheck(uws);
  if (unusable !== '') {
    if (engine === 'uws') throw new FastwsgiError('ERR_ENGINE', `Cannot use http-engine uws: ${unusable}`);
    return byNode(`uWebSockets.js failed its self-check: ${unusable}`);
  }
  if (complaints.length > 0 && engine === 'auto') {
    return byNode(`uWebSockets.js failed its self-check: ${complaints.join('; ')}`);
  }
  const but = complaints.length > 0 ? `though ${complaints.join('; ')}` : 'self-check passed';
  const why = engine === 'uws' ? 'http-engine = uws' : 'uWebSockets.js loads';
  return { front: new UwsFront(uws, options, turns), notice: `http engine: uws (${why}, ${but})` };
}
