// An application of kind fetch that does what a test asks for by its path, and reports by files in the folder SIGNS.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Info {
  waitUntil(promise: Promise<unknown>): void;
}

function sign(name: string, text = ''): void {
  writeFileSync(join(process.env.SIGNS ?? '.', name), text);
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function later(name: string, ms: number): Promise<void> {
  await sleep(ms);
  sign(name);
}

/** Says when it was asked for, and how it ended. */
function endless(name: string): Response {
  const body = new ReadableStream({
    async pull(controller) {
      sign(`${name}-pulled`);
      await sleep(5);
      controller.enqueue(Buffer.alloc(1000, 'x'));
    },
    cancel: () => sign(`${name}-cancelled`),
  });
  return new Response(body);
}

async function untilAborted(request: Request, name: string): Promise<Response> {
  sign(`${name}-begun`);
  await new Promise<void>((resolve) => request.signal.addEventListener('abort', () => resolve()));
  sign(`${name}-aborted`);
  return new Response('nobody reads this');
}

export default {
  async fetch(request: Request, info: Info): Promise<Response> {
    const { pathname } = new URL(request.url);
    const name = pathname.slice(pathname.lastIndexOf('/') + 1);
    if (pathname.startsWith('/endless/')) return endless(name);
    if (pathname.startsWith('/abort/')) return await untilAborted(request, name);
    if (pathname.startsWith('/keep/')) {
      info.waitUntil(later(`${name}-kept`, 300));
      return new Response('answered');
    }
    if (pathname.startsWith('/keep-forever/')) {
      info.waitUntil(sleep(1e9));
      return new Response('answered');
    }
    if (pathname === '/throw') throw new Error('the secret of the application');
    if (pathname.startsWith('/break/')) {
      const body = new ReadableStream({
        async pull(controller) {
          controller.enqueue(Buffer.from('begun'));
          while (!existsSync(join(process.env.SIGNS ?? '.', name))) await sleep(5);
          controller.error(new Error('the secret of the stream'));
        },
      });
      return new Response(body);
    }
    return new Response('nothing');
  },
};
