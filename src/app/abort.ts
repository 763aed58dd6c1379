// Waiting for an application without waiting for it longer than its client does.
import type { Exchange } from './exchange.js';

export const ABORTED = Symbol('aborted');

/** What `promise` gives, or ABORTED if the exchange is aborted before. No Promise.race: it would grow with every chunk. */
export function unlessAborted<T>(exchange: Exchange, promise: PromiseLike<T>): Promise<T | typeof ABORTED> {
  return new Promise((resolve, reject) => {
    if (exchange.response.aborted) resolve(ABORTED);
    exchange.onAbort = () => resolve(ABORTED);
    promise.then(resolve, reject);
  });
}
