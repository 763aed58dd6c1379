// The files that the `static` action of routes answers with. What stands before the first variable of its argument, up to the
// last slash, is the folder that no value leads out of.
import { resolve } from 'node:path';
import type { Template } from '../../config/route.js';
import type { JudgedRequest, LocalAnswer } from './gate.js';
import { StaticAnswers } from './static-answer.js';
import { OPEN, StaticRoot } from './static-file.js';
import { filePath } from './static-gate.js';
import type { StaticOptions } from './static-options.js';

/** One per gate: roots and answers are made once. */
export class RouteFiles {
  private readonly options: StaticOptions;
  private readonly folder: string;
  private readonly log: (line: string) => void;
  private readonly answers: StaticAnswers;
  private readonly roots = new Map<Template, StaticRoot>();

  /** `folder`: where relative paths start from. */
  constructor(options: StaticOptions, folder: string, log: (line: string) => void) {
    this.options = options;
    this.folder = folder;
    this.log = log;
    this.answers = new StaticAnswers(options);
  }

  /** The answer with the file that `path` names: the argument, filled in, latin-1. Null where there is none. */
  answer(request: JudgedRequest, template: Template, path: string): LocalAnswer | null {
    const length = rootLength(template);
    const below = path.length === length ? '' : filePath(path.slice(length));
    if (below === undefined) return null;
    const root = this.rootOf(template, path.slice(0, length));
    const file = root.open(below);
    if (file === OPEN.MISSING || file === OPEN.FOLDER || file === OPEN.FAILED) return null;
    return this.answers.answer(request, file, root, below, '');
  }

  private rootOf(template: Template, path: string): StaticRoot {
    let root = this.roots.get(template);
    if (root === undefined) {
      const place = resolve(this.folder, Buffer.from(path, 'latin1').toString());
      root = new StaticRoot(place, this.options.safe, this.log);
      this.roots.set(template, root);
    }
    return root;
  }
}

/** How many characters of the argument are the same for all requests, and name a folder; or all of them, and a file. */
function rootLength(template: Template): number {
  const [first] = template;
  if (first?.kind !== 'text') return 0;
  return template.length === 1 ? first.text.length : Math.max(0, first.text.lastIndexOf('/'));
}
