// Where a syntax error stands. Node keeps that to itself when an ES module does not parse, and prints it only as a process
// ends of it: so a process is made to. CommonJS and TypeScript say it at the front of the error's stack.
import { execFile } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const TIMEOUT_MS = 10_000;
/** What stands before the error's name: the place, and below it the source line with a mark. */
const PLACE = /^(\S.*):(\d+)\n([\s\S]*?)\n*^SyntaxError\b/m;

/**
 * `/srv/app/mod.js:4`, or an empty string for what is no syntax error, or where nobody knows. Puts place and source line at the
 * front of the error's stack, as Node does where it can. `file`: what was imported; the error may be in what that imports.
 */
export async function locateSyntaxError(error: unknown, file: string): Promise<string> {
  if (!(error instanceof SyntaxError)) return '';
  const { stack = '' } = error;
  const known = PLACE.exec(stack);
  if (known !== null) return placeText(known);
  // Thrown by code that ran: JSON.parse, new Function.
  const thrower = stack.split('\n').find((line) => line.startsWith('    at '));
  if (thrower?.includes('node:internal/modules/esm/') !== true) return '';
  const printed = PLACE.exec(await printedByNode(file));
  if (printed === null) return '';
  const place = placeText(printed);
  error.stack = `${place}\n${printed[3]}\n\n${stack}`;
  return place;
}

function placeText([, path = '', line = '']: readonly string[]): string {
  return `${path.startsWith('file:') ? fileURLToPath(path) : path}:${line}`;
}

/** What Node says of a file that does not parse. No code of it runs: its imports are linked first, and the first of ours ends the process. */
async function printedByNode(file: string): Promise<string> {
  const script = `import 'data:text/javascript,process.exit()'; import ${JSON.stringify(pathToFileURL(file).href)};`;
  try {
    const args = ['--input-type=module', '--eval', script];
    return (await promisify(execFile)(process.execPath, args, { timeout: TIMEOUT_MS })).stderr;
  } catch (failure) {
    return failure instanceof Error && 'stderr' in failure ? String(failure.stderr) : '';
  }
}
