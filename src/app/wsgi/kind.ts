// Applications of kind `wsgi`: a function `(environ, startResponse)` in the sense of PEP 3333.
import type { Application, ApplicationKind, Exchange, WorkerContext } from '../exchange.js';
import { wrongKindHint } from '../wrong-kind.js';
import { createEnviron, type EnvironServer } from './environ.js';
import { WsgiErrors } from './errors.js';
import { WsgiCall } from './respond.js';
import type { WsgiApplication } from './types.js';

export const wsgiKind: ApplicationKind = {
  name: 'wsgi',
  matches: (exported) => typeof exported === 'function',
  create: (exported, context) => new WsgiHandler(exported as WsgiApplication, context),
};

class WsgiHandler implements Application {
  readonly kind = 'wsgi';
  // WSGI applications expect a worker for themselves while they run, as they have it in uWSGI.
  readonly concurrency = 1;
  private readonly application: WsgiApplication;
  private readonly server: EnvironServer;

  constructor(application: WsgiApplication, context: WorkerContext) {
    this.application = application;
    this.server = { errors: new WsgiErrors((text) => context.log(text)), context };
  }

  handle(exchange: Exchange): void | Promise<void> {
    const { errors, context } = this.server;
    const call = new WsgiCall(exchange, errors, context);
    const environ = createEnviron(exchange, call.input, this.server);
    call.isHead = environ.REQUEST_METHOD === 'HEAD';
    const { application } = this;
    let result: unknown;
    try {
      result = application(environ, call.startResponse);
    } catch (error) {
      call.release();
      throw error;
    }
    return call.respond(result);
  }

  explain(error: unknown): string | undefined {
    return wrongKindHint('wsgi', this.application, error);
  }
}
