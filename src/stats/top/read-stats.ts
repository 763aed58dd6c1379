// Reads a stats socket from the outside: a raw one, which speaks as soon as somebody connects, or one that waits for an HTTP request.
import { connect } from 'node:net';
import type { SocketAddress } from '../../config/address.js';
import type { StatsJson } from '../stats-json.js';

/** What any server of this kind tells; uWSGI itself has no `fastwsgi`. */
export type ForeignStats = Omit<StatsJson, 'fastwsgi'> & { readonly fastwsgi?: StatsJson['fastwsgi'] };

/** A socket that is silent for so long waits for a request. */
const SILENCE_MS = 300;
const GIVE_UP_MS = 5000;
const BYTES_MAX = 64 * 2 ** 20;
const REQUEST = 'GET /stats HTTP/1.0\r\nAccept: application/json\r\n\r\n';

/** Where stats are read; it remembers which of the two it found. */
export class StatsReader {
  private readonly target: { host: string; port: number } | { path: string };
  private speaksHttp = false;

  constructor(address: SocketAddress) {
    if (address.kind === 'tcp') {
      this.target = { host: address.host === '0.0.0.0' ? '127.0.0.1' : address.host, port: address.port };
    } else {
      this.target = { path: address.kind === 'unix' ? address.path : `\0${address.name}` };
    }
  }

  /** Rejects with what is wrong, in words. */
  async read(): Promise<ForeignStats> {
    const text = await this.receive();
    const body = text.startsWith('HTTP/') ? text.slice(text.indexOf('\r\n\r\n') + 4) : text;
    const stats: unknown = parse(body);
    if (!isStats(stats)) throw new Error('what answers there is no stats socket');
    return stats;
  }

  private receive(): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.target, () => {
        if (this.speaksHttp) socket.write(REQUEST);
      });
      const chunks: Buffer[] = [];
      let bytes = 0;
      const silence = setTimeout(() => {
        if (socket.pending || this.speaksHttp) return;
        this.speaksHttp = true;
        socket.write(REQUEST);
      }, SILENCE_MS);
      const deadline = setTimeout(() => socket.destroy(new Error('no answer')), GIVE_UP_MS);
      socket.on('data', (chunk) => {
        clearTimeout(silence);
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > BYTES_MAX) socket.destroy(new Error('the answer does not end'));
      });
      socket.on('error', reject);
      socket.on('close', () => {
        clearTimeout(silence);
        clearTimeout(deadline);
        resolve(Buffer.concat(chunks).toString());
      });
    });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isStats(value: unknown): value is ForeignStats {
  return typeof value === 'object' && value !== null && 'workers' in value && Array.isArray(value.workers);
}
