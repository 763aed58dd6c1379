// A headless Chromium, driven by its DevTools protocol over a pair of pipes: no port, no package.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const WAIT_MS = 20_000;

/** Why the tests of the page cannot run here, or undefined. Where CI says so (CI=true) a missing browser is a failure, not a reason. */
export function browserMissing(): string | undefined {
  if (process.env.CI === 'true' || findBrowser() !== undefined) return undefined;
  return 'there is no Chromium';
}

function findBrowser(): string | undefined {
  return NAMES.find((name) => spawnSync(name, ['--version']).status === 0);
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** One browser with one page. */
export class Browser implements AsyncDisposable {
  /** What the page said on its console, and what its security policy or a script of it complained about. */
  readonly complaints: string[] = [];
  private readonly child: ChildProcess;
  private readonly folder = mkdtempSync(join(tmpdir(), 'fastwsgi-browser-'));
  private readonly waiting = new Map<number, (message: Message) => void>();
  private session: string | undefined;
  private sent = 0;
  private received = '';

  static async start(): Promise<Browser> {
    const browser = new Browser();
    const { targetId } = await browser.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await browser.send('Target.attachToTarget', { targetId, flatten: true });
    browser.session = sessionId as string;
    for (const domain of ['Page', 'Runtime', 'Log']) await browser.send(`${domain}.enable`);
    return browser;
  }

  private constructor() {
    const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'];
    const own = ['--remote-debugging-pipe', `--user-data-dir=${this.folder}`, '--hide-scrollbars'];
    this.child = spawn(findBrowser() ?? (NAMES[0] as string), [...flags, ...own], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    const output = this.child.stdio[4] as Readable;
    output.setEncoding('utf8').on('data', (text: string) => this.onData(text));
    // Either end may go first.
    for (const pipe of [this.child.stdio[3], output]) pipe?.on('error', () => {});
  }

  async open(url: string): Promise<void> {
    await this.send('Page.navigate', { url });
    await this.until(`document.readyState === 'complete'`);
  }

  /** What an expression is in the page; promises are awaited. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = (await this.send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    })) as { result: { value: T }; exceptionDetails?: unknown };
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return result.value;
  }

  /** Waits until an expression is true in the page. */
  async until(expression: string): Promise<void> {
    const deadlineMs = performance.now() + WAIT_MS;
    while (!(await this.evaluate<boolean>(expression))) {
      if (performance.now() > deadlineMs) {
        throw new Error(`Waited in vain for ${expression} in\n${await this.evaluate('document.body.innerText')}`);
      }
      await sleep(50);
    }
  }

  /** A click in the middle of the first element that `selector` finds, as a hand makes it. */
  async click(selector: string): Promise<void> {
    const { x, y } = await this.evaluate<{ x: number; y: number }>(
      `(() => { const e = document.querySelector(${JSON.stringify(selector)}); e.scrollIntoView();
        const r = e.getBoundingClientRect(); return { x: r.x + r.width / 2, y: r.y + r.height / 2 }; })()`,
    );
    for (const type of ['mousePressed', 'mouseReleased']) {
      await this.send('Input.dispatchMouseEvent', { type, x, y, button: 'left', clickCount: 1 });
    }
  }

  async dress(options: { width: number; height: number; scheme: 'light' | 'dark'; isPhone?: boolean }): Promise<void> {
    const { width, height, scheme, isPhone = false } = options;
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: isPhone });
    await this.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  }

  /** A PNG of what is seen. */
  async screenshot(): Promise<Buffer> {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png' });
    return Buffer.from(data as string, 'base64');
  }

  send(method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const id = ++this.sent;
    const message = { id, method, params, ...(this.session === undefined ? {} : { sessionId: this.session }) };
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`The browser does not answer ${method}`)), WAIT_MS);
      this.waiting.set(id, ({ result, error }) => {
        clearTimeout(timer);
        if (error === undefined) resolve(result ?? {});
        else reject(new Error(`${method}: ${error.message}`));
      });
      (this.child.stdio[3] as Writable).write(`${JSON.stringify(message)}\0`);
    });
  }

  private onData(text: string): void {
    this.received += text;
    const messages = this.received.split('\0');
    this.received = messages.pop() ?? '';
    for (const one of messages) this.onMessage(JSON.parse(one) as Message);
  }

  private onMessage(message: Message): void {
    if (message.id !== undefined) {
      this.waiting.get(message.id)?.(message);
      this.waiting.delete(message.id);
    } else if (message.method === 'Log.entryAdded' || message.method === 'Runtime.exceptionThrown') {
      this.complaints.push(JSON.stringify(message.params));
    } else if (message.method === 'Runtime.consoleAPICalled' || message.method === 'Page.javascriptDialogOpening') {
      this.complaints.push(JSON.stringify(message.params));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await exited;
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20 });
  }
}
