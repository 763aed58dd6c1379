// Connections that ask once, get their answer, and then stay open without a word.
import { connect, type Socket } from 'node:net';
import type { Address } from './http.js';
import { HOST } from './http.js';

/** How long all of them together may take to be answered. */
const OPEN_MS = 8000;

export interface Idle {
  readonly answered: number;
  /** Those that the peer has not closed. */
  open(): number;
  close(): void;
}

/** Resolves when all have their answer, or the time is over. */
export async function openIdle({ port }: Address, count: number): Promise<Idle> {
  const sockets: Socket[] = [];
  let answered = 0;
  let closed = 0;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, OPEN_MS);
    for (let i = 0; i < count; i++) {
      const socket = connect(port, HOST);
      sockets.push(socket);
      socket.on('error', () => {});
      socket.on('close', () => closed++);
      socket.once('data', () => {
        answered++;
        if (answered < count) return;
        clearTimeout(timer);
        resolve();
      });
      socket.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    }
  });
  return {
    answered,
    open: () => count - closed,
    close: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}
