// What a build of uWebSockets.js makes of requests that decide whether it can be trusted, asked over a loopback socket of
// its own before it serves anybody. Builds differ: some answer 505 to a request line in two segments, most let a header
// without a name hide the headers behind it.
import { connect } from 'node:net';
import type { Uws } from './api.js';

/** How long an answer may take, where none makes the build useless, and where node:http would serve in its stead. */
const VITAL_ANSWER_MS = 2000;
const STRICT_ANSWER_MS = 250;
/** How long a handler is waited for that must not be called. */
const SILENCE_MS = 50;
/** Between the pieces of a request, so that they arrive as segments of their own. */
const PIECE_GAP_MS = 5;

interface Probe {
  readonly pieces: readonly string[];
  /** What is wrong with the build when it does not answer so. */
  readonly complaint: string;
  /** How the answer must begin, or null when any will do as long as the handler was not reached. */
  readonly answer: string | null;
  /** How often the handler must have been called. */
  readonly requests: number;
}

/** Without these, a build is of no use: it breaks what every client sends. */
const VITAL: readonly Probe[] = [
  {
    pieces: ['GET / HT', 'TP/1.1\r\nHo', 'st: a\r\n', '\r\n'],
    complaint: 'it cannot read a request line in two segments',
    answer: 'HTTP/1.1 200',
    requests: 1,
  },
];

/** Without these, a build breaks RFC 9112: it serves only whoever asks for it by name. */
const STRICT: readonly Probe[] = [
  {
    pieces: ['GET / HTTP/1.1\r\nHost: a\r\n: b\r\nContent-Length: 5\r\n\r\nhello'],
    complaint: 'a header without a name hides the headers behind it',
    answer: null,
    requests: 0,
  },
  {
    pieces: ['GET / HTTP/1.1\r\nHost : a\r\n\r\n'],
    complaint: 'it does not answer 400 to a request it cannot parse',
    answer: 'HTTP/1.1 400',
    requests: 0,
  },
  {
    pieces: [`GET / HTTP/1.1\r\nHost: a\r\nCookie: ${'a'.repeat(6000)}`, `${'a'.repeat(6000)}\r\n\r\n`],
    complaint: 'it does not take 12 KB of headers in two segments',
    answer: 'HTTP/1.1 200',
    requests: 1,
  },
];

export interface SelfCheck {
  /** Why the build cannot be used at all; empty if it can. */
  readonly unusable: string;
  /** What it does against RFC 9112, one complaint each. */
  readonly complaints: readonly string[];
}

let checked: Promise<SelfCheck> | undefined;

/** Asks once per process. */
export function selfCheck(uws: Uws): Promise<SelfCheck> {
  checked ??= run(uws);
  return checked;
}

async function run(uws: Uws): Promise<SelfCheck> {
  let requests = 0;
  const app = uws.App().any('/*', (response) => {
    requests++;
    response.end('');
  });
  const socket = await new Promise<unknown>((resolve) => {
    app.listen('127.0.0.1', 0, uws.LIBUS_LISTEN_EXCLUSIVE_PORT, resolve);
  });
  if (!socket) return { unusable: 'it cannot listen on 127.0.0.1', complaints: [] };
  const port = uws.us_socket_local_port(socket);
  const complaintsOf = async (probes: readonly Probe[], answerMs: number): Promise<string[]> => {
    const complaints: string[] = [];
    for (const probe of probes) {
      requests = 0;
      const answer = await ask(port, probe.pieces, probe.answer === null ? SILENCE_MS : answerMs);
      const answered = probe.answer === null || answer.startsWith(probe.answer);
      if (!answered || requests !== probe.requests) complaints.push(probe.complaint);
    }
    return complaints;
  };
  const vital = await complaintsOf(VITAL, VITAL_ANSWER_MS);
  const complaints = vital.length > 0 ? [] : await complaintsOf(STRICT, STRICT_ANSWER_MS);
  uws.us_listen_socket_close(socket);
  return { unusable: vital.join(', '), complaints };
}

/** Sends the pieces; what comes back until the first line is complete, the connection ends, or the time is over. */
function ask(port: number, pieces: readonly string[], waitMs: number): Promise<string> {
  return new Promise((resolve) => {
    const client = connect(port, '127.0.0.1');
    const timer = setTimeout(() => finish(), waitMs);
    let answer = '';
    function finish(): void {
      clearTimeout(timer);
      client.destroy();
      resolve(answer);
    }
    client.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
      if (answer.includes('\r\n')) finish();
    });
    client.on('error', finish);
    client.on('close', finish);
    client.on('connect', () => sendPieces(0));
    function sendPieces(at: number): void {
      const piece = pieces[at];
      if (piece === undefined || client.destroyed) return;
      client.write(piece, 'latin1');
      setTimeout(sendPieces, PIECE_GAP_MS, at + 1);
    }
  });
}
