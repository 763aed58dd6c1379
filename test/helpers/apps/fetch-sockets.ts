// WebSockets in an application of kind `fetch`.
import { threadId } from 'node:worker_threads';
import type { FetchInfo } from '../../../dist/app/fetch/types.js';

export default {
  async fetch(request: Request, info: FetchInfo): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (request.headers.get('upgrade') !== 'websocket') return new Response(`plain ${threadId}`);
    const socket = await info.upgradeWebSocket('chat');
    socket.send(JSON.stringify({ url: pathname, from: info.address, thread: threadId }));
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    return new Response('ignored');
  },
};
