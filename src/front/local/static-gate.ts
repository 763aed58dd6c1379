// Which file a request is for: `check-static`, `static-map`, `static-map2`, in this order, as in uWSGI; a request that no
// file answers passes, and so does every method but GET and HEAD. Then `static-fallback`, which uWSGI does not have.
// A prefix ends at a slash: uWSGI takes `/static` for a prefix of `/statics/x`, too.
import { type JudgedRequest, LocalAnswer, type RequestGate, type Verdict } from './gate.js';
import { StaticAnswers } from './static-answer.js';
import { type NotOpened, OPEN, type StaticFile, StaticRoot } from './static-file.js';
import type { StaticOptions } from './static-options.js';

interface Place {
  readonly prefix: string;
  readonly keepsPrefix: boolean;
  readonly root: StaticRoot;
}

interface Fallback {
  readonly prefix: string;
  /** Undefined: the application answers. */
  readonly root: StaticRoot | undefined;
}

const FAILED = new LocalAnswer(500, [['Content-Type', 'text/plain']], Buffer.from('Internal Server Error\n'));

export class StaticGate implements RequestGate {
  private readonly places: readonly Place[];
  private readonly fallbacks: readonly Fallback[];
  private readonly answers: StaticAnswers;
  private readonly index: readonly string[];
  private readonly skipExtensions: readonly string[];

  constructor(options: StaticOptions, log: (line: string) => void) {
    const rootOf = (path: string) => new StaticRoot(path, options.safe, log);
    this.places = options.maps.map(({ prefix, keepsPrefix, path }) => ({ prefix, keepsPrefix, root: rootOf(path) }));
    this.fallbacks = options.fallbacks.map(({ prefix, path }) => ({
      prefix,
      root: path === '' ? undefined : rootOf(path),
    }));
    this.answers = new StaticAnswers(options);
    this.index = options.index.map((name) => `/${name}`);
    this.skipExtensions = options.skipExtensions;
  }

  judge(request: JudgedRequest): Verdict {
    const { method } = request;
    if ((method !== 'GET' && method !== 'HEAD') || request.hasBody) return null;
    // A WebSocket may well have the path of a page.
    if (request.find('HTTP_UPGRADE')?.toLowerCase() === 'websocket') return null;
    const path = filePath(request.find('PATH_INFO') ?? '');
    if (path === undefined || this.skipExtensions.some((ending) => path.endsWith(ending))) return null;
    for (const { prefix, keepsPrefix, root } of this.places) {
      if (!isBelow(path, prefix)) continue;
      const answer = this.serve(request, root, keepsPrefix ? path : path.slice(prefix.length));
      if (answer !== null) return answer;
      // A file, mapped with its prefix kept.
      const single = keepsPrefix && path === prefix ? this.answerWith(request, root.open(''), root, '') : null;
      if (single !== null) return single;
    }
    return this.fallBack(request, path);
  }

  /** The file of `root` that `path` names, or stands for a folder of it. */
  private serve(request: JudgedRequest, root: StaticRoot, path: string): LocalAnswer | null {
    const below = path === '' || path.startsWith('/') ? path : `/${path}`;
    const found = root.open(below);
    if (found !== OPEN.FOLDER) return this.answerWith(request, found, root, below);
    const folder = below.endsWith('/') ? below.slice(0, -1) : below;
    for (const name of this.index) {
      const answer = this.answerWith(request, root.open(folder + name), root, folder + name);
      if (answer !== null) return answer;
    }
    return null;
  }

  private answerWith(
    request: JudgedRequest,
    file: StaticFile | NotOpened,
    root: StaticRoot,
    path: string,
    chosenBy = '',
  ): LocalAnswer | null {
    if (file === OPEN.FAILED) return FAILED;
    return typeof file === 'string' ? null : this.answers.answer(request, file, root, path, chosenBy);
  }

  /** Of a single-page application: wherever a browser goes, as long as it is no file by its name, is the page. */
  private fallBack(request: JudgedRequest, path: string): LocalAnswer | null {
    const fallback = this.fallbacks.find(({ prefix }) => isBelow(path, prefix));
    if (fallback?.root === undefined) return null;
    const name = path.slice(path.lastIndexOf('/') + 1);
    const accepts = request.find('HTTP_ACCEPT') ?? '';
    // What a script asks for accepts anything, and is for the application.
    if (name.includes('.') || !/text\/html/i.test(accepts)) return null;
    return this.answerWith(request, fallback.root.open(''), fallback.root, '', 'Accept');
  }
}

/** Whether `path` is `prefix`, or stands below it. */
function isBelow(path: string, prefix: string): boolean {
  if (!path.startsWith(prefix)) return false;
  return path.length === prefix.length || prefix === '' || prefix.endsWith('/') || path[prefix.length] === '/';
}

const OUTSIDE_ASCII = /[\x80-\xff]/;
/** What no honest path holds: a NUL byte, a separator of Windows, and segments that a client or a web server has resolved. */
const SUSPICIOUS = /[\0\\]|(?:^|\/)\.\.?(?:\/|$)/;

/** The path of a file, of the bytes of PATH_INFO; undefined for what can be none. */
export function filePath(pathInfo: string): string | undefined {
  if (SUSPICIOUS.test(pathInfo) || !pathInfo.startsWith('/')) return undefined;
  if (!OUTSIDE_ASCII.test(pathInfo)) return pathInfo;
  const path = Buffer.from(pathInfo, 'latin1').toString('utf8');
  return path.includes('\ufffd') ? undefined : path;
}
