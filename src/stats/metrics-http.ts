// The metrics socket: /metrics for Prometheus, /healthz and /readyz for whoever decides whether the server gets requests.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { EXPOSITION_TYPE, exposition, OPENMETRICS_TYPE } from './prometheus.js';
import type { ServerReport } from './report.js';
import { send } from './stats-http.js';

/** Answers requests on the metrics socket. */
export function serveMetrics(report: () => ServerReport): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    request.resume();
    response.setHeader('Cache-Control', 'no-store');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return send(response, 405, 'text/plain', 'only GET is answered here\n');
    }
    const path = (request.url ?? '/').split('?', 1)[0];
    switch (path) {
      case '/metrics': {
        const isOpen = request.headers.accept?.includes('application/openmetrics-text') === true;
        return send(response, 200, isOpen ? OPENMETRICS_TYPE : EXPOSITION_TYPE, exposition(report(), isOpen));
      }
      case '/healthz':
        // This thread answers: that is what is asked.
        return send(response, 200, 'text/plain', 'ok\n');
      case '/readyz': {
        const { state } = report();
        return send(response, state === 'ready' ? 200 : 503, 'text/plain', `${state}\n`);
      }
      default:
        return send(response, 404, 'text/plain', 'there are /metrics, /healthz and /readyz\n');
    }
  };
}
