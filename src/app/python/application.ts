// Applications of kind `python`: a CPython process beside the worker's thread runs them. This side hands requests over and takes
// answers back; when the process ends, so does the worker, after it has answered what the process had.

import type { PythonInit } from '../../lane/worker-init.js';
import type { Application, Exchange, MemoryUse, WorkerContext } from '../exchange.js';
import { type CallOwner, PythonCall, textError } from './call.js';
import { FRAME_FLAG, FROM_PYTHON, frame, readAnswer, TO_PYTHON } from './frames.js';
import { RequestMessage } from './message.js';
import { PythonProcess } from './process.js';

/** How long Python may take to write its stacks before it is killed. */
const STACKS_MS = 150;

/** What is to be loaded, as Python is told. */
export interface PythonTarget {
  readonly interpreter: string;
  readonly folder: string;
  readonly module: string | undefined;
  readonly file: string | undefined;
  readonly callable: string | undefined;
}

/** A loaded application. */
export class PythonApplication implements Application, CallOwner {
  readonly kind = 'python';
  readonly concurrency: number;
  readonly ended: Promise<string>;
  private readonly context: WorkerContext;
  private readonly settings: PythonInit;
  private readonly message = new RequestMessage();
  private readonly calls: (PythonCall | undefined)[];
  private readonly freeTokens: number[];
  private process: PythonProcess | undefined;
  private onEnded: (how: string) => void = () => {};
  private isClosing = false;
  private onLoading: (error: Error | undefined) => void = () => {};

  private constructor(settings: PythonInit, context: WorkerContext) {
    this.settings = settings;
    this.context = context;
    this.concurrency = context.concurrency ?? 1;
    this.calls = Array.from({ length: this.concurrency }, () => undefined);
    this.freeTokens = [...this.calls.keys()].reverse();
    this.ended = new Promise((resolve) => {
      this.onEnded = resolve;
    });
  }

  /** Starts Python, and resolves when it has loaded the application. Rejects with the traceback, or with what kept it from starting. */
  static async start(target: PythonTarget, settings: PythonInit, context: WorkerContext): Promise<Application> {
    const application = new PythonApplication(settings, context);
    await application.load(target);
    return application;
  }

  private async load({ interpreter, folder, module, file, callable }: PythonTarget): Promise<void> {
    const { context, settings } = this;
    const python = await PythonProcess.start({
      interpreter,
      folder,
      tokens: this.calls.length,
      log: (text) => context.log(text),
      onFrame: (kind, flags, token, payload) => this.onFrame(kind, flags, token, payload),
      onExit: () => context.hasProcess(0),
    });
    this.process = python;
    context.hasProcess(python.pid);
    const loading = new Promise<Error | undefined>((resolve) => {
      this.onLoading = resolve;
    });
    void python.ended.then((how) => this.onProcessEnded(how));
    const { workerId, processes, version, node } = context;
    const { pythonPath, chdir2, options, socketTimeoutMs, autoreloadMs } = settings;
    const configuration = {
      ...{ pythonPath, options, socketTimeoutMs, workerId, processes, version, node },
      // What is undefined would not get into JSON at all.
      module: module ?? '',
      file: file ?? '',
      callable: callable ?? '',
      chdir2: chdir2 ?? '',
      parentPid: process.pid,
      threads: this.concurrency,
      stateBytes: this.calls.length,
      autoreloadSeconds: autoreloadMs / 1000,
    };
    python.send(this.message.text(JSON.stringify(configuration)));
    const error = await loading;
    if (error !== undefined) throw error;
  }

  handle(exchange: Exchange): Promise<void> {
    const token = this.freeTokens.pop() as number;
    const call = new PythonCall(token, exchange, this);
    this.calls[token] = call;
    exchange.onAbort = () => this.onAbort(call);
    (this.process as PythonProcess).send(this.message.request(exchange, token));
    return call.done;
  }

  memory(): MemoryUse | undefined {
    return this.process?.memory();
  }

  async close(): Promise<void> {
    this.isClosing = true;
    this.process?.stop();
    await this.process?.ended;
  }

  // ---- for calls

  acknowledge(token: number, bytes: number): void {
    const count = Buffer.alloc(4);
    count.writeUInt32LE(bytes);
    this.process?.tell(frame(TO_PYTHON.ACK, token, count));
  }

  abort(token: number): void {
    this.process?.tell(frame(TO_PYTHON.ABORT, token));
  }

  release(call: PythonCall): void {
    this.calls[call.token] = undefined;
    this.freeTokens.push(call.token);
  }

  // ---- from Python

  private onFrame(kind: number, flags: number, token: number, payload: Buffer): void {
    if (kind === FROM_PYTHON.LOADED) return this.onLoading(undefined);
    if (kind === FROM_PYTHON.LOAD_ERROR) return this.onLoading(textError(payload.toString()));
    if (kind === FROM_PYTHON.RELOAD) return this.onReload(payload.toString());
    const call = this.calls[token];
    if (call === undefined) return;
    switch (kind) {
      case FROM_PYTHON.HEAD:
        return call.onHead(payload);
      case FROM_PYTHON.CHUNK:
        return call.onChunk(payload);
      case FROM_PYTHON.END:
        return call.onEnd();
      case FROM_PYTHON.FAILED:
        return call.onFailed(payload.toString(), (flags & FRAME_FLAG.BEGUN) !== 0);
      case FROM_PYTHON.ANSWERED:
        return call.onAnswered(readAnswer(payload), (flags & FRAME_FLAG.CUT) !== 0);
      case FROM_PYTHON.READ:
        return void this.sendBody(call, payload.readUInt32LE(0));
      case FROM_PYTHON.DEADLINE:
        return this.setDeadline(call, payload.readUInt32LE(0));
      case FROM_PYTHON.SENDING:
        return call.exchange.response.noteSending();
    }
  }

  private onReload(why: string): void {
    this.context.log(`${why}: a reload is wanted`);
    this.context.reload();
  }

  private async sendBody({ exchange, token }: PythonCall, size: number): Promise<void> {
    const bytes = await exchange.body.read(size).catch(() => Buffer.alloc(0));
    this.process?.tell(frame(TO_PYTHON.DATA, token, bytes));
  }

  private setDeadline(call: PythonCall, milliseconds: number): void {
    clearTimeout(call.timer);
    call.timer = milliseconds === 0 ? undefined : setTimeout(() => call.exchange.timeOut(), milliseconds);
  }

  private onAbort(call: PythonCall): void {
    if (call.exchange.overdue) this.endLate();
    else this.abort(call.token);
  }

  /** A request has run too long: nothing ends it but the end of the process. */
  private endLate(): void {
    const end = () => this.process?.kill('killed by harakiri');
    if (!this.settings.harakiriVerbose) return end();
    this.process?.dumpStacks();
    setTimeout(end, STACKS_MS);
  }

  private onProcessEnded(how: string): void {
    const python = this.process as PythonProcess;
    this.onLoading(textError(`${how} before it had loaded the application`));
    // First of all: nothing is handed over from here on.
    if (!this.isClosing) this.onEnded(how);
    for (const call of this.calls) call?.onLost(how, python.stateOf(call.token));
    python.release();
  }
}
