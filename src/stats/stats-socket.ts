// The stats socket as uWSGI has it: whoever connects is sent the JSON, and the connection is closed.
import type { Socket } from 'node:net';

/** Writes `text` and closes. What the client sends is read and thrown away, lest the close become a reset. */
export function sendStats(socket: Socket, text: string): void {
  socket.resume();
  socket.end(text);
}
