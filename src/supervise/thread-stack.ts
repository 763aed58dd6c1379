// Where a thread is right now: its JavaScript stack, asked for over the inspector protocol, which interrupts even an endless
// loop. For `harakiri-verbose`; a thread that blocks outside JavaScript does not answer.
import { Session } from 'node:inspector';

interface CallFrame {
  readonly functionName: string;
  readonly location: { readonly scriptId: string; readonly lineNumber: number; readonly columnNumber: number };
}

/** What a thread says: the answer to a call, or an event. */
interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly callFrames?: readonly CallFrame[]; readonly scriptId?: string; readonly url?: string };
}

interface Attached {
  readonly sessionId: string;
  readonly workerInfo: { readonly workerId: string; readonly title: string };
}

interface FromThread {
  readonly sessionId: string;
  readonly message: string;
}

/** The call whose answer says that the thread runs again. */
const RESUMED = 3;

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
      const scripts = new Map<string, string>();
      let stack = '';
      session.on('NodeWorker.receivedMessageFromWorker', (event) => {
        const { sessionId: from, message } = event.params as unknown as FromThread;
        if (from !== sessionId) return;
        const { id, method, params } = JSON.parse(message) as Message;
        if (method === 'Debugger.scriptParsed') scripts.set(params?.scriptId ?? '', params?.url ?? '');
        else if (method === 'Debugger.paused') {
          stack = (params?.callFrames ?? []).map((frame) => frameLine(frame, scripts)).join('\n');
          // A thread that is left paused could not be ended.
          send(RESUMED, 'Debugger.disable');
        } else if (id === RESUMED) done(stack);
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

function frameLine({ functionName, location }: CallFrame, scripts: ReadonlyMap<string, string>): string {
  const url = scripts.get(location.scriptId) ?? '';
  return `    at ${functionName || '<anonymous>'} (${url}:${location.lineNumber + 1}:${location.columnNumber + 1})`;
}
