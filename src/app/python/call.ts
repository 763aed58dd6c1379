// One request on its way through Python: what comes back of it, into the response. It ends when Python says so, or dies.
import type { Exchange, SentResponse } from '../exchange.js';
import { FRAME_FLAG, readAnswer } from './frames.js';
import { REQUEST_STATE, type RequestState } from './states.js';

/** Of a response, so much is taken off the channel before Python hears that it may send more. */
const ACK_BYTES = 65_536;

/** What a call needs of its application. */
export interface CallOwner {
  /** Python may send so many bytes more. */
  acknowledge(token: number, bytes: number): void;
  /** Nothing that Python does for this request is of use any more. */
  abort(token: number): void;
  /** Python knows the token no more. */
  release(call: PythonCall): void;
}

/** Made for each request. */
export class PythonCall {
  readonly token: number;
  readonly serial: number;
  readonly exchange: Exchange;
  /** Settles when the request is over. */
  readonly done: Promise<void>;
  /** The client's connection is Python's for the time being. */
  isLent = false;
  /** What the application asked for by set_user_harakiri. */
  timer: NodeJS.Timeout | undefined;
  private readonly owner: CallOwner;
  /** Chunks that wait for the client; null: there is no need to wait. */
  private waiting: Buffer[] | null = null;
  private hasEnded = false;
  private unacknowledged = 0;
  /** Our own complaint about what Python sent. */
  private error: unknown;
  private resolve: () => void = () => {};
  private reject: (error: unknown) => void = () => {};

  constructor(token: number, serial: number, exchange: Exchange, owner: CallOwner) {
    this.token = token;
    this.serial = serial;
    this.exchange = exchange;
    this.owner = owner;
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  onHead(lines: Buffer): void {
    const [status = '', ...rest] = lines.latin1Slice(0, lines.length).split('\n');
    const headers: [string, string][] = [];
    for (let i = 0; i + 1 < rest.length; i += 2) headers.push([rest[i] as string, rest[i + 1] as string]);
    try {
      this.exchange.response.head(status, headers);
    } catch (error) {
      // Python has checked it; the protocol of this connection may still forbid it.
      this.error = error;
      this.owner.abort(this.token);
    }
  }

  /** The chunk is the caller's, which reads over it. What the client does not take at once, the response keeps: a copy. */
  onChunk(chunk: Buffer): void {
    if (this.error !== undefined) return;
    const own = Buffer.from(chunk);
    if (this.waiting !== null) this.waiting.push(own);
    else this.write(own);
  }

  onEnd(): void {
    this.hasEnded = true;
    if (this.waiting === null) this.end();
  }

  onFailed(traceback: string, hasBegun: boolean): void {
    const { exchange } = this;
    if (this.isLent) exchange.response.takeBack(hasBegun);
    // The signal that makes Python write its stacks may have ended what it waited for.
    if (exchange.overdue && !hasBegun) this.answerInstead();
    else this.finish(textError(traceback));
  }

  onAnswered(answer: SentResponse, isCut: boolean): void {
    if (this.isLent) this.exchange.response.complete(answer, isCut);
    this.finish(undefined);
  }

  /** Python has not begun it, and knows nothing of it any more. */
  onReturned(): void {
    if (this.isLent) this.exchange.response.takeBack(false);
    if (this.exchange.giveBack()) this.finish(undefined);
    else this.answerInstead();
  }

  /** Python has died, in this `state` of the request. */
  onLost(reason: string, { state, flags, answer }: RequestState): void {
    const { exchange } = this;
    const { response } = exchange;
    // Its report was still to be sent, or read.
    if (this.isLent && state === REQUEST_STATE.ANSWERED) {
      return this.onAnswered(readAnswer(answer), (flags & FRAME_FLAG.CUT) !== 0);
    }
    if (this.isLent) response.takeBack(state === REQUEST_STATE.REPLYING);
    if (state === REQUEST_STATE.WAITING && exchange.giveBack()) return this.finish(undefined);
    if (response.headSent && !response.aborted) return this.finish(textError(reason));
    this.answerInstead();
  }

  /** Answers in Python's stead: 504 or 502. */
  private answerInstead(): void {
    const { response, overdue } = this.exchange;
    if (!response.aborted) {
      const [status, text] = overdue
        ? ['504 Gateway Timeout', 'Gateway Timeout\n']
        : ['502 Bad Gateway', 'Bad Gateway\n'];
      response.head(status, [['Content-Type', 'text/plain']]);
      response.end(text);
    }
    this.finish(undefined);
  }

  private write(chunk: Buffer): void {
    const { response } = this.exchange;
    const isTaken = response.write(chunk);
    this.unacknowledged += chunk.length;
    if (isTaken) return this.acknowledge();
    this.waiting = [];
    void this.drain();
  }

  private async drain(): Promise<void> {
    const { response } = this.exchange;
    const waiting = this.waiting as Buffer[];
    for (;;) {
      await response.drained();
      this.acknowledge();
      const chunk = waiting.shift();
      if (chunk === undefined) break;
      response.write(chunk);
      this.unacknowledged += chunk.length;
    }
    this.waiting = null;
    if (this.hasEnded) this.end();
  }

  private acknowledge(): void {
    if (this.unacknowledged < ACK_BYTES) return;
    this.owner.acknowledge(this.token, this.unacknowledged);
    this.unacknowledged = 0;
  }

  private end(): void {
    if (this.error === undefined) this.exchange.response.end();
    this.finish(this.error);
  }

  private finish(error: unknown): void {
    clearTimeout(this.timer);
    this.exchange.onAbort = null;
    this.owner.release(this);
    if (error === undefined) this.resolve();
    else this.reject(error);
  }
}

/** An error that is logged as its text alone: no stack of ours says anything about it. */
export function textError(text: string): Error {
  const error = new Error(text.trimEnd());
  error.stack = error.message;
  return error;
}
