// Connections that applications have taken over from the fronts: WebSockets, and what else begins as an HTTP request. They
// live in this thread, and end with it.
import { Socket } from 'node:net';
import { encodeTicket } from '../lane/tunnel-ticket.js';
import type { WorkerLane } from '../lane/worker-lane.js';
import { type Libc, SYS } from '../system/libc.js';
import { Tunnel } from './tunnel.js';

/** What is to be known of a connection before its slot is given back. */
export interface TakenFrom {
  /** The client's descriptor, or -1: the front brings the connection by the tunnel. */
  readonly fd: number;
  /** What the client offers to speak: the value of Upgrade. */
  readonly protocol: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Ends the exchange; a front that brings the connection is sent the ticket. */
  handOver(ticket: Uint8Array): void;
}

/** A WebSocket close frame with status 1012, Service Restart (RFC 6455 section 5.5.1, IANA's registry of close codes). */
const SERVICE_RESTART = Buffer.from([0x88, 2, 1012 >> 8, 1012 & 0xff]);
/** How long a client may take to say goodbye. */
const GOODBYE_MS = 1000;
const NOTHING = Buffer.alloc(0);

export class TakenConnections {
  private readonly lane: WorkerLane;
  private readonly libc: Libc | undefined;
  private readonly tunnel = new Tunnel();
  private readonly sockets = new Map<Socket, string>();

  constructor(lane: WorkerLane, libc: Libc | undefined) {
    this.lane = lane;
    this.libc = libc;
  }

  async take(from: TakenFrom): Promise<Socket> {
    const socket = this.libc === undefined || from.fd < 0 ? await this.await(from) : this.duplicate(this.libc, from);
    this.sockets.set(socket, from.protocol);
    this.lane.reportConnections(this.sockets.size);
    socket.once('close', () => {
      this.sockets.delete(socket);
      this.lane.reportConnections(this.sockets.size);
    });
    // Whoever takes it listens for errors, or does not; either way 'close' follows.
    socket.on('error', () => {});
    return socket;
  }

  /** Says goodbye on every connection: resolves when all have ended, or have had their time. */
  async close(): Promise<void> {
    const ends = [...this.sockets].map(
      ([socket, protocol]) =>
        new Promise<void>((resolve) => {
          socket.once('close', () => resolve());
          // A frame boundary: who writes a WebSocket writes whole frames.
          if (protocol.toLowerCase() === 'websocket') socket.end(SERVICE_RESTART);
          else socket.end();
          socket.resume();
          setTimeout(() => socket.destroy(), GOODBYE_MS);
        }),
    );
    await Promise.all(ends);
  }

  private duplicate(libc: Libc, from: TakenFrom): Socket {
    const fd = libc.fcntl(from.fd, SYS.F_DUPFD_CLOEXEC, 0);
    if (fd < 0) throw new Error('Cannot take the connection over: too many open files');
    from.handOver(NOTHING);
    return new Socket({ fd, readable: true, writable: true, allowHalfOpen: true }).setNoDelay(true);
  }

  private async await(from: TakenFrom): Promise<Socket> {
    const { ticket, socket } = await this.tunnel.expect();
    from.handOver(encodeTicket(ticket));
    return Object.defineProperties(await socket, {
      remoteAddress: { value: from.remoteAddress },
      remotePort: { value: from.remotePort },
    });
  }
}
