// What the tests on HTTP/2 share: a server of test/helpers/apps/streams.ts on an https socket, and sessions with it.
import { once } from 'node:events';
import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from 'node:http2';
import { connectHttp2 } from '../helpers/contract/http2-visit.js';
import { CertificateFolder } from './https-client.js';
import { APPS, type DisposableServer, disposable, type Twin } from './threads-client.js';

export interface StreamsServer extends AsyncDisposable {
  readonly server: DisposableServer;
  readonly folder: CertificateFolder;
  /** A connection of its own. */
  open(): Promise<ClientHttp2Session>;
}

export async function startStreams(twin: Twin, args: readonly string[] = []): Promise<StreamsServer> {
  const folder = new CertificateFolder();
  folder.put('a', 'first');
  const application = args.includes('--module') ? [] : ['--module', 'streams', '--app-kind', 'node'];
  const server = await disposable({
    args: ['--chdir', APPS, '--processes', '1', '--https', folder.line('a'), ...application, ...twin.args, ...args],
    env: twin.env,
  });
  const sessions: ClientHttp2Session[] = [];
  return {
    server,
    folder,
    open: async () => {
      const session = connectHttp2(server.https());
      session.on('error', () => {});
      sessions.push(session);
      await once(session, 'remoteSettings');
      return session;
    },
    [Symbol.asyncDispose]: async () => {
      for (const session of sessions) session.destroy();
      await server[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

export interface StreamAnswer {
  /** 0: none came. */
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
  readonly trailers: readonly string[];
  /** Of the frame that ended the stream; 0: NO_ERROR. */
  readonly code: number;
}

export function answerOf(stream: ClientHttp2Stream): Promise<StreamAnswer> {
  return new Promise((resolve) => {
    let headers: Record<string, unknown> = {};
    let trailers: readonly string[] = [];
    let body = '';
    stream.on('response', (fields) => {
      headers = { ...fields };
    });
    stream.on('trailers', (_fields, _flags, rawTrailers: string[] = []) => {
      trailers = rawTrailers;
    });
    stream.setEncoding('latin1').on('data', (text: string) => {
      body += text;
    });
    stream.on('error', () => {});
    stream.on('close', () =>
      resolve({ status: Number(headers[':status'] ?? 0), headers, body, trailers, code: stream.rstCode }),
    );
  });
}

export function ask(session: ClientHttp2Session, path: string, headers: OutgoingHttpHeaders = {}, body?: Buffer) {
  const stream = session.request({ ':path': path, ...headers }, { endStream: body === undefined });
  const answer = answerOf(stream);
  if (body !== undefined) stream.end(body);
  return answer;
}
