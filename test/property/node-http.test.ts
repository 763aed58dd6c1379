// The node kind held against node:http itself: any listener, any request, the same answer and the same view of it.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { nodeKind } from '../../dist/app/node/kind.js';
import { FakeContext } from '../helpers/fake-exchange.js';
import { type HttpHarness, startHttp, WHOLE_ENGINES } from '../helpers/http-front.js';
import { type Program, program, runProgram, type Trace } from '../helpers/node-program.js';

interface Question {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Behind the body, which then goes in chunks. */
  readonly trailers: readonly (readonly [string, string])[];
}

const question: fc.Arbitrary<Question> = fc.record({
  method: fc.constantFrom('GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'),
  // A NUL in the path is refused before a listener sees it.
  path: fc
    .webPath()
    .map((path) => `/${path}`.replace(/^\/+/, '/'))
    .filter((path) => !path.includes('%00')),
  headers: fc.dictionary(
    fc.constantFrom('X-One', 'x-two', 'Accept', 'Cookie', 'User-Agent', 'If-None-Match', 'Content-Type'),
    fc.constantFrom('a', 'b=c; d=e', '*/*', 'é'),
  ),
  trailers: fc.array(
    fc.tuple(fc.constantFrom('X-Sum', 'x-sum', 'X-Other', 'ETag'), fc.constantFrom('1', '', 'a, b', 'é')),
    { maxLength: 3 },
  ),
  body: fc.constantFrom(0, 0, 0, 1, 100, 5000, 65_536, 200_000).map((size) => Buffer.alloc(size, 'body of a request ')),
});

interface Answer {
  readonly status: number | undefined;
  readonly reason: string | undefined;
  readonly headers: readonly string[];
  readonly length: string | undefined;
  readonly body: string;
  readonly complete: boolean;
  readonly trailers: readonly string[];
}

/** After this long without an answer or an end a run counts as hung. */
const HUNG_MS = 2000;

/** What a client of each sees is compared but for this: it is the connection's, or when it was asked. */
const NOT_COMPARED = ['date', 'connection', 'keep-alive', 'transfer-encoding', 'content-length'];

function ask(port: number, agent: Agent, { method, path, headers, body, trailers }: Question): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let framing: Record<string, string> = body.length === 0 ? {} : { 'Content-Length': String(body.length) };
    if (trailers.length > 0) framing = { 'Transfer-Encoding': 'chunked' };
    const sent = { Host: 'example.org', ...headers, ...framing };
    const asked = httpRequest({ port, method, path, headers: sent, agent }, (response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { rawHeaders } = response;
        const lines = rawHeaders.map((name, i) => `${name}: ${rawHeaders[i + 1]}`).filter((_, i) => i % 2 === 0);
        resolve({
          status: response.statusCode,
          reason: response.statusMessage,
          headers: lines.filter((line) => !NOT_COMPARED.includes(line.slice(0, line.indexOf(':')).toLowerCase())),
          length: response.headers['content-length'],
          body: createHash('sha256').update(Buffer.concat(chunks)).digest('hex'),
          complete: response.complete,
          trailers: response.rawTrailers,
        });
      });
    });
    asked.on('error', reject);
    if (trailers.length > 0) asked.addTrailers(trailers.map(([name, value]): [string, string] => [name, value]));
    asked.end(body);
  });
}

for (const engine of WHOLE_ENGINES) {
  describe(`a request listener on ${engine}`, () => {
    let listener: RequestListener = () => {};
    let theirs: Server;
    let ours: HttpHarness;
    before(async () => {
      const application = await nodeKind.create(
        (...args: Parameters<RequestListener>) => listener(...args),
        new FakeContext(),
      );
      ours = await startHttp(engine, { handle: (exchange) => application.handle(exchange) });
      theirs = createServer((...args) => listener(...args)).listen(0, '127.0.0.1');
      await once(theirs, 'listening');
    });
    after(async () => {
      theirs.close();
      await ours[Symbol.asyncDispose]();
    });

    async function run(port: number, steps: Program, asked: Question): Promise<{ answer: Answer; trace: Trace }> {
      const trace: Trace = { request: [], response: [], errors: [] };
      let done: Promise<void> = Promise.resolve();
      listener = (req, res) => {
        done = runProgram(steps, req, res, trace);
      };
      // Kept alive: of a connection that is to be closed node:http does not read the rest of a body.
      const agent = new Agent({ keepAlive: true });
      const late = new AbortController();
      const run = async () => {
        const answer = await ask(port, agent, asked);
        await done;
        return { answer, trace };
      };
      const hung = sleep(HUNG_MS, undefined, late).then(() => {
        throw new Error(`It hangs, and has seen ${JSON.stringify(trace)}`);
      });
      try {
        return await Promise.race([run(), hung]);
      } finally {
        late.abort();
        agent.destroy();
      }
    }

    test('sees and answers what it sees and answers on node:http', async () => {
      await fc.assert(
        fc.asyncProperty(program, question, async (steps, asked) => {
          const expected = await run((theirs.address() as AddressInfo).port, steps, asked);
          const got = await run(ours.target.port ?? 0, steps, asked);
          // Where node:http says the length, so do we; where it sends chunks we may know the length.
          const length = expected.answer.length === undefined ? { length: undefined } : {};
          assert.deepEqual({ ...got.answer, ...length }, expected.answer);
          // A client that has the head of an answer to HEAD has all of it, and may leave before the listener has ended.
          if (asked.method !== 'HEAD') assert.deepEqual(got.trace, expected.trace);
        }),
        { numRuns: Number(process.env.NODE_HTTP_RUNS ?? 300) },
      );
    });
  });
}
