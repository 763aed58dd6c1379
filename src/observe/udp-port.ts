// A port that sends datagrams over UDP. The name is looked up once, before the first is sent.
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns';
import type { DatagramPort } from '../base/datagram-port.js';
import { errorCode } from '../base/errors.js';

/** Bytes that may be the socket's at a time. */
const QUEUE_BYTES_MAX = 256 * 1024;

/** `onLost`: a datagram that was taken could not be sent after all. */
export function openUdpPort(host: string, port: number, onLost: (code: string) => void): DatagramPort {
  const socket = { of: undefined as ReturnType<typeof createSocket> | undefined, address: '', failure: 'EAGAIN' };
  let isClosed = false;
  lookup(host, (error, address, family) => {
    if (isClosed) return;
    if (error !== null) {
      socket.failure = error.code ?? 'ENOTFOUND';
      return;
    }
    socket.address = address;
    socket.of = createSocket(family === 6 ? 'udp6' : 'udp4').unref();
    socket.of.on('error', (cause) => onLost(errorCode(cause) ?? 'EIO'));
  });
  return {
    send: (bytes) => {
      if (socket.of === undefined) return socket.failure;
      if (socket.of.getSendQueueSize() > QUEUE_BYTES_MAX) return 'EAGAIN';
      socket.of.send(bytes, port, socket.address, (error) => {
        if (error !== null) onLost(errorCode(error) ?? 'EIO');
      });
      return undefined;
    },
    close: () => {
      isClosed = true;
      socket.of?.close();
    },
  };
}
