// How a connection of node:net is closed in the middle of a response.
import type { Socket } from 'node:net';

/**
 * Closes with a reset where the transport has one, so that a cut response is not taken for a complete one. What
 * resetAndDestroy() does is set this flag and then end the stream in an orderly way, which the client sees first. A stream
 * that is being ended can no longer be reset.
 */
export function resetSocket(socket: Socket, isTcp: boolean): void {
  if (isTcp && !socket.writableEnded) (socket as Socket & { resetAndClosing: boolean }).resetAndClosing = true;
  socket.destroy();
}
