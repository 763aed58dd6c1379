// Clients that ask one request after the other until they are told to stop, and know for each answer which versions of the
// application may have given it.
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import type { HostPort } from './server.js';

/** Asks for `/?query`; the body of a 200, or a rejection. */
export type Ask = (query: string) => Promise<string>;

/** Over one connection for as long as it lasts. */
export function keepAliveAsk(target: HostPort | { readonly socketPath: string }): Ask {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return (query) =>
    new Promise((resolve, reject) => {
      const outgoing = request({ ...target, agent, path: `/?${query}` }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        response.on('error', reject);
        response.on('end', () =>
          response.statusCode === 200 ? resolve(body) : reject(new Error(`${response.statusCode} ${body}`)),
        );
      });
      outgoing.on('error', reject).end();
    });
}

/** Load on a server that runs test/helpers/apps/versioned.ts. */
export class ConstantLoad {
  /** The version that every worker runs: what is sent from here on is not answered by an older one. */
  oldest = 1;
  answers = 0;
  readonly failures: string[] = [];
  private readonly clients: Promise<void>[];
  private stopping = false;
  private sent = 0;

  /** As many clients as there are functions to ask. */
  constructor(asks: readonly Ask[]) {
    this.clients = asks.map((ask) => this.run(ask));
  }

  /** Resolves when every request that was sent has its answer. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.clients);
    assert.deepEqual(this.failures, []);
    assert.equal(this.answers, this.sent);
  }

  private async run(ask: Ask): Promise<void> {
    while (!this.stopping) {
      const query = String(++this.sent);
      const { oldest } = this;
      try {
        const [echoed, version] = (await ask(query)).split(' ');
        if (echoed !== query || Number(version) < oldest) {
          this.failures.push(
            `${query} was answered with ${echoed} by version ${version}, after version ${oldest} had come`,
          );
        }
        this.answers++;
      } catch (error) {
        this.failures.push(`${query}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
}
