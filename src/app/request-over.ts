// The error of an application that goes on using a request after its end. A file of its own: input and respond share it.

/** Thrown by `wsgi.input`, `startResponse` and `write` once the request is over. */
export class RequestOverError extends Error {
  constructor() {
    super('The request is over');
    this.name = 'RequestOverError';
  }
}
