// The server's own short answers, as whole HTTP/1.1 messages: what a peer gets when no application answers.
import { statusReason } from './status.js';

/** A complete response with a one-line text body (ASCII) and `Connection: close`. */
export function plainResponse(status: number, text: string): Buffer {
  const body = `${text}\n`;
  return Buffer.from(
    `HTTP/1.1 ${status} ${statusReason(status)}\r\nContent-Type: text/plain\r\n` +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    'latin1',
  );
}

export const INTERNAL_ERROR = plainResponse(500, 'Internal Server Error');
export const BAD_GATEWAY = plainResponse(502, 'Bad Gateway');
export const GATEWAY_TIMEOUT = plainResponse(504, 'Gateway Timeout');
