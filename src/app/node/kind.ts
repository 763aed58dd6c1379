// Applications of kind `node`: `(req, res)` in the manner of node:http, and the frameworks that make one.
import { HANDLER_CONCURRENCY_DEFAULT } from '../../base/limits.js';
import type { Application, ApplicationKind, Exchange } from '../exchange.js';
import { wrongKindHint } from '../wrong-kind.js';
import { type CallServer, NodeCall, type NodeListener } from './call.js';
import { isNodeApplication, listenerOf } from './listener.js';
import { emitUpgrade, isForUpgrade } from './upgrade.js';

export const nodeKind: ApplicationKind = {
  name: 'node',
  matches: (exported, named) => isNodeApplication(exported, named),
  create: async (exported, context) => {
    const { listener, server } = await listenerOf(exported);
    return new NodeHandler(listener, { context, server });
  },
};

class NodeHandler implements Application {
  readonly kind = 'node';
  readonly concurrency = HANDLER_CONCURRENCY_DEFAULT;
  private readonly listener: NodeListener;
  private readonly server: CallServer;

  constructor(listener: NodeListener, server: CallServer) {
    this.listener = listener;
    this.server = server;
  }

  handle(exchange: Exchange): void | Promise<void> {
    const { server } = this.server;
    if (isForUpgrade(exchange, server)) return emitUpgrade(exchange, server);
    return new NodeCall(exchange, this.server).run(this.listener);
  }

  explain(error: unknown): string | undefined {
    return wrongKindHint('node', this.listener, error);
  }
}
