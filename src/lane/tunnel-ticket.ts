// How a front that cannot give a descriptor away lets a worker have a connection: the worker listens on loopback, and its reply
// is a ticket. The front connects there, shows the token first, and passes on whatever comes from either side.

/** Where the worker waits, and by what it knows the front: TUNNEL_TOKEN_BYTES ASCII characters that nobody else can guess. */
export interface TunnelTicket {
  readonly port: number;
  readonly token: string;
}

export const TUNNEL_TOKEN_BYTES = 32;

export function encodeTicket({ port, token }: TunnelTicket): Buffer {
  return Buffer.from(`${token}${port}`, 'latin1');
}

export function decodeTicket(bytes: Buffer): TunnelTicket {
  const text = bytes.toString('latin1');
  return { token: text.slice(0, TUNNEL_TOKEN_BYTES), port: Number(text.slice(TUNNEL_TOKEN_BYTES)) };
}
