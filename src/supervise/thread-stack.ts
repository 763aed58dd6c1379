// Where a thread is right now: its JavaScript stack, asked for over the inspector protocol, which interrupts even an endless
// loop. For `harakiri-verbose`; a thread that blocks outside JavaScript does not answer.
import { Session } from 'node:inspector';

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly location: { readonly lineNumber: number; readonly columnNumber: number };
}

interface Attached {
  readonly sessionId: string;
  readonly workerInfo: { readonly workerId: string; readonly title: string };
}

interface FromThread {
  readonly sessionId: string;
  readonly message: string;
}

/** Lines `    at name (url:line:column)`, or undefined when the thread does not answer within `timeoutMs`. */
export function threadStack(threadId: number, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const session = new Session();
    const done = (stack: string | undefined) => {
      clearTimeout(timer);
      session.disconnect();
      resolve(stack);
    };
    const timer = setTimeout(() => done(undefined), timeoutMs);
    session.connect();
    session.on('NodeWorker.attachedToWorker', ({ params }) => {
      const { sessionId, workerInfo } = params as unknown as Attached;
      if (!isThread(workerInfo, threadId)) return;
      const send = (id: number, method: string) => {
        session.post('NodeWorker.sendMessageToWorker', { sessionId, message: JSON.stringify({ id, method }) });
      };
      session.on('NodeWorker.receivedMessageFromWorker', (event) => {
        const { sessionId: from, message } = event.params as unknown as FromThread;
        if (from !== sessionId) return;
        const { method, params: paused } = JSON.parse(message) as {
          method?: string;
          params: { callFrames: CallFrame[] };
        };
        if (method === 'Debugger.paused') done(paused.callFrames.map(frameLine).join('\n'));
      });
      send(1, 'Debugger.enable');
      send(2, 'Debugger.pause');
    });
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: false }, (error) => {
      if (error !== null) done(undefined);
    });
  });
}

/** Node names a worker by its threadId in the title, `[worker 3] name`, or `Worker 3` before that. */
function isThread({ title }: Attached['workerInfo'], threadId: number): boolean {
  return new RegExp(`orker ${threadId}\\b`).test(title);
}

function frameLine({ functionName, url, location }: CallFrame): string {
  return `    at ${functionName || '<anonymous>'} (${url}:${location.lineNumber + 1}:${location.columnNumber + 1})`;
}
