// Applications of kind `python`: a CPython process beside the worker's thread runs them. This side hands requests over and takes
// answers back; when the process ends, so does the worker, after it has answered what the process had.

import type { PythonInit } from '../../lane/worker-init.js';
import { loadLibc } from '../../system/libc.js';
import { DescriptorSender } from '../../system/send-descriptors.js';
import type { Application, Exchange, MemoryUse, WorkerContext } from '../exchange.js';
import { type CallOwner, PythonCall, textError } from './call.js';
import { FRAME_FLAG, FROM_PYTHON, frame, readAnswer, readLogVariable, TO_PYTHON } from './frames.js';
import { REQUEST_FLAG, RequestMessages, textMessage } from './message.js';
import { PythonProcess } from './process.js';
import { STATE_ENTRY_BYTES } from './states.js';

/** How long Python may take to write its stacks before it is killed. */
const STACKS_MS = 300;

const NOTHING = Buffer.alloc(0);

/** Requests that wait in the channel while others run: Python goes on with the next one without waiting for us. */
const PREFETCH = 15;
/** A serial number is a whole number of 31 bits. */
const SERIAL_MAX = 0x7fff_ffff;
/** When nothing has come back for so long, those that wait are taken back: another worker may be free for them. */
const RECALL_MS = 5;

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
  /** Requests that go together at the next `flush`, and where their messages begin: a descriptor costs less in company. */
  private readonly messages = new RequestMessages();
  private readonly gathered: { readonly call: PythonCall; readonly start: number }[] = [];
  private sender: DescriptorSender | undefined;
  private serial = 0;
  private readonly calls: (PythonCall | undefined)[];
  private readonly freeTokens: number[];
  private process: PythonProcess | undefined;
  private onEnded: (how: string) => void = () => {};
  private isClosing = false;
  private inFlight = 0;
  /** Something has come back since the last look at the clock. */
  private hasMoved = false;
  /** What waited was taken back, and nothing has come back since. */
  private isSlow = false;
  private recalls: NodeJS.Timeout | undefined;
  private onLoading: (error: Error | undefined) => void = () => {};

  private constructor(settings: PythonInit, context: WorkerContext) {
    this.settings = settings;
    this.context = context;
    this.concurrency = context.concurrency ?? 1;
    this.calls = Array.from({ length: this.concurrency + PREFETCH }, () => undefined);
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
    const loaded = loadLibc();
    const libc = 'libc' in loaded ? loaded.libc : undefined;
    if (libc !== undefined) this.sender = new DescriptorSender(libc, this.messages.scratch);
    const python = await PythonProcess.start({
      libc,
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
      stateBytes: this.calls.length * STATE_ENTRY_BYTES,
      autoreloadSeconds: autoreloadMs / 1000,
    };
    python.send(textMessage(JSON.stringify(configuration)));
    const error = await loading;
    if (error !== undefined) throw error;
  }

  get prefetch(): number {
    return this.isSlow || this.sender === undefined ? 0 : PREFETCH;
  }

  handle(exchange: Exchange): Promise<void> {
    if (++this.inFlight > this.concurrency) this.recalls ??= setInterval(() => this.recall(), RECALL_MS);
    const token = this.freeTokens.pop() as number;
    this.serial = (this.serial + 1) & SERIAL_MAX;
    const call = new PythonCall(token, this.serial, exchange, this);
    this.calls[token] = call;
    exchange.onAbort = () => this.onAbort(call);
    this.send(call);
    return call.done;
  }

  /** With the client's descriptor, where it can be lent: Python answers the client itself. */
  private send(call: PythonCall): void {
    const { exchange, token, serial } = call;
    const { body, response } = exchange;
    const { messages, sender } = this;
    const python = this.process as PythonProcess;
    const inline = body.fd >= 0 ? NOTHING : body.readSync(body.length);
    if (sender === undefined || !messages.hasRoom || sender.room < 2) this.flush();
    const fd = sender !== undefined && python.isDrained ? response.lend() : -1;
    if (sender === undefined || fd < 0) {
      // Behind what has been gathered, whose bytes must not meet these.
      this.flush();
      messages.add(exchange, { token, serial, flags: 0, descriptors: 0 }, inline);
      return python.send(messages.take());
    }
    const flags = body.fd >= 0 ? REQUEST_FLAG.DIRECT | REQUEST_FLAG.BODY_FD : REQUEST_FLAG.DIRECT;
    const start = messages.add(exchange, { token, serial, flags, descriptors: body.fd >= 0 ? 2 : 1 }, inline);
    sender.add(fd);
    if (body.fd >= 0) sender.add(body.lend());
    call.isLent = true;
    this.gathered.push({ call, start });
  }

  flush(): void {
    const { gathered, messages } = this;
    if (gathered.length === 0) return;
    const python = this.process as PythonProcess;
    const sent = (this.sender as DescriptorSender).send(python.channel, messages.length);
    if (sent <= 0) {
      // The channel is full, or broken: what is written there waits for it, or for the end.
      for (const { call, start } of gathered) {
        call.isLent = false;
        call.exchange.response.takeBack(false);
        messages.withoutDescriptors(start);
      }
      python.send(messages.take());
    } else if (sent < messages.length) python.send(messages.take(sent));
    messages.length = 0;
    gathered.length = 0;
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
    this.inFlight--;
  }

  /** Takes back what waits behind a request that takes long; that also brings the answers which Python has kept back. */
  private recall(): void {
    if (this.inFlight <= this.concurrency) {
      clearInterval(this.recalls);
      this.recalls = undefined;
    } else if (!this.hasMoved) {
      this.isSlow = true;
      this.process?.tell(frame(TO_PYTHON.RECALL, 0));
    }
    this.hasMoved = false;
  }

  // ---- from Python

  private onFrame(kind: number, flags: number, token: number, payload: Buffer): void {
    if (kind === FROM_PYTHON.LOADED) return this.onLoading(undefined);
    if (kind === FROM_PYTHON.LOAD_ERROR) return this.onLoading(textError(payload.toString()));
    if (kind === FROM_PYTHON.RELOAD) return this.onReload(payload.toString());
    const call = this.calls[token];
    if (call === undefined) return;
    this.hasMoved = true;
    // What is given back says nothing about the request that holds it up.
    if (kind === FROM_PYTHON.RETURNED) return call.onReturned();
    this.isSlow = false;
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
      case FROM_PYTHON.LOG_VARIABLE:
        return setLogVariable(call, payload);
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
    if (call.exchange.overdue) this.endLate(call);
    // Where Python answers the client itself, it finds out by itself.
    else if (!call.isLent) this.abort(call.token);
  }

  /** A request has run too long: nothing ends it but the end of the process. */
  private endLate(call: PythonCall): void {
    const end = () => this.process?.kill('killed by harakiri');
    if (!this.settings.harakiriVerbose) return end();
    this.process?.dumpStacks();
    setTimeout(() => {
      // It may have come to its end by itself, and the process be at another request.
      if (this.calls[call.token] === call) end();
    }, STACKS_MS);
  }

  private onProcessEnded(how: string): void {
    const python = this.process as PythonProcess;
    this.onLoading(textError(`${how} before it had loaded the application`));
    // First of all: nothing is handed over from here on.
    if (!this.isClosing) this.onEnded(how);
    for (const call of this.calls) call?.onLost(how, python.stateOf(call.token, call.serial));
    python.release();
  }
}

/** The token may be another request's by now. */
function setLogVariable({ serial, exchange }: PythonCall, payload: Buffer): void {
  const [of, name, value] = readLogVariable(payload);
  if (of === serial) exchange.setLogVariable(name, value);
}
