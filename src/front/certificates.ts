// The files of the `https` lines: read at start, and again with each reload, when a set that cannot be used leaves the old one
// in its place. Main thread.
import type { TlsOptions } from 'node:tls';
import { errorCode, errorReport, FastwsgiError } from '../base/errors.js';
import { formatSocketAddress } from '../config/address.js';
import { readTlsOptions } from '../config/certificate.js';
import type { HttpsAddress } from '../config/https-address.js';
import { OperatorFiles } from '../config/operator-files.js';
import { takeInheritedFiles } from '../system/inherited-files.js';

/** A front whose TLS can be told to use other files. */
interface SecureFront {
  renewTls(tls: TlsOptions): void;
}

export class Certificates {
  private readonly folder: string;
  private readonly files = new OperatorFiles();
  private readonly fronts = new Map<string, SecureFront>();

  /** `folder`: where the paths start from. */
  constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Reads the files of each line. What only root may read, the guard has opened for us. Throws a FastwsgiError (ERR_FILE) that
   * names the file.
   */
  readAll(lines: readonly HttpsAddress[]): readonly TlsOptions[] {
    const inherited = takeInheritedFiles();
    const read = (path: string): Buffer => {
      try {
        return this.files.read(path);
      } catch (error) {
        const bytes = errorCode(error) === 'EACCES' ? inherited.get(path) : undefined;
        if (bytes === undefined) throw error;
        return bytes;
      }
    };
    const all = lines.map((line) => readTlsOptions(line, this.folder, read));
    this.files.endStart();
    return all;
  }

  /** The fronts that serve these lines, in their order. */
  note(lines: readonly HttpsAddress[], fronts: readonly SecureFront[]): void {
    for (const [i, { address }] of lines.entries())
      this.fronts.set(formatSocketAddress(address), fronts[i] as SecureFront);
  }

  /** Reads the files again; connections that are open keep what they have. The log hears of each line. */
  renew(lines: readonly HttpsAddress[], log: (line: string) => void): void {
    for (const line of lines) {
      const name = formatSocketAddress(line.address);
      try {
        this.fronts.get(name)?.renewTls(readTlsOptions(line, this.folder, (path) => this.files.read(path)));
        log(`https ${name}: certificate and key are read again`);
      } catch (error) {
        log(`https ${name} keeps its old certificate: ${errorReport(error)}${hint(error)}`);
      }
    }
  }
}

function hint(error: unknown): string {
  const cause = error instanceof FastwsgiError ? error.cause : undefined;
  return errorCode(cause) === 'EACCES' ? ' (a reload reads it as the user that the server has become)' : '';
}
