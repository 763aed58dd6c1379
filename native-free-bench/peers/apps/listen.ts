// Where a peer in JavaScript listens: the port is the bench's choice.
export const HOST = '127.0.0.1';
export const PORT = Number(process.env.PORT);
/** Threads or processes, where the peer has them. */
export const WORKERS = Number(process.env.BENCH_WORKERS ?? 1);
