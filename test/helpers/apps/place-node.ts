// Says where it is mounted: kind node.
import type { IncomingMessage, ServerResponse } from 'node:http';

type Mounted = IncomingMessage & { readonly baseUrl?: string; readonly originalUrl?: string };

export default function application(request: Mounted, response: ServerResponse): void {
  response.end(`node ${request.baseUrl ?? ''}|${request.originalUrl ?? ''}|${request.url}`);
}
