// What sends datagrams: given to the log by whoever knows the system.

export interface DatagramPort {
  /** Sends `bytes`, which are the port's from now on. The system's code of why not, EAGAIN for not yet; undefined: it is sent. */
  send(bytes: Uint8Array): string | undefined;
  close(): void;
}

/** Opens a port to a unix socket's path, or says why there is none. */
export type OpenUnixPort = (path: string) => DatagramPort | { readonly reason: string };
