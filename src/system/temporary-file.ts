// Unlinked temporary files (of request bodies, for one): no name, gone with their last descriptor.
import { randomBytes } from 'node:crypto';
import { constants, openSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorMessage } from '../base/errors.js';

/** Linux: `__O_TMPFILE | O_DIRECTORY` of asm-generic/fcntl.h; node:fs has no name for it. */
const O_TMPFILE = process.platform === 'linux' ? 0o20000000 | constants.O_DIRECTORY : 0;

/** Opens one for reading and writing: its descriptor, or what went wrong. */
export function openTemporaryFile(): number | string {
  const folder = tmpdir();
  if (O_TMPFILE !== 0) {
    try {
      return openSync(folder, O_TMPFILE | constants.O_RDWR, 0o600);
    } catch {
      // The file system has no O_TMPFILE (overlayfs, NFS): a name for a moment.
    }
  }
  try {
    const path = join(folder, `fastwsgi-${randomBytes(12).toString('hex')}`);
    const fd = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    return fd;
  } catch (error) {
    return errorMessage(error);
  }
}
