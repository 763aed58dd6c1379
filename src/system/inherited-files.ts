// Files that only root may read, opened by the guard before it becomes the configured user, and read by its server after:
// descriptors behind those of the sockets, and a variable that says what they are.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

const VARIABLE = 'FASTWSGI_FILES';
/** Never waits: a FIFO has nobody at its other end. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** A file that is open for reading. */
export interface OpenFile {
  readonly path: string;
  readonly fd: number;
}

/** Opens what can be opened; of the rest the server will say what is wrong. */
export function openFiles(paths: readonly string[]): readonly OpenFile[] {
  const files: OpenFile[] = [];
  for (const path of new Set(paths)) {
    try {
      files.push({ path, fd: openSync(path, READ) });
    } catch {
      // It may be there when the server looks.
    }
  }
  return files;
}

/** The guard's part of the environment; the files are passed as the descriptors from `firstFd` on, in the same order. */
export function filesEnvironment(files: readonly OpenFile[], firstFd: number): NodeJS.ProcessEnv {
  return { [VARIABLE]: JSON.stringify(files.map(({ path }, i): OpenFile => ({ path, fd: firstFd + i }))) };
}

/** What the files that came with the start hold, by path; they are closed, and the variable is taken out of the environment. */
export function takeInheritedFiles(): ReadonlyMap<string, Buffer> {
  const { [VARIABLE]: passed } = process.env;
  delete process.env[VARIABLE];
  const files = passed === undefined ? [] : (JSON.parse(passed) as OpenFile[]);
  return new Map(files.map(({ path, fd }) => [path, readFromStart(fd)]));
}

/** The guard and all of its servers share one position in the file: it is left alone. */
function readFromStart(fd: number): Buffer {
  try {
    const bytes = Buffer.alloc(fstatSync(fd).size);
    let length = 0;
    while (length < bytes.length) {
      const count = readSync(fd, bytes, length, bytes.length - length, length);
      if (count === 0) break;
      length += count;
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}
