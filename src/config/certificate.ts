// Reads the files of an `https` line, and sees to it that TLS can be spoken with them.
import { X509Certificate } from 'node:crypto';
import { resolve } from 'node:path';
import { createSecureContext, type TlsOptions } from 'node:tls';
import { errorMessage, FastwsgiError, systemErrorText } from '../base/errors.js';
import type { HttpsAddress } from './https-address.js';

/** What reads a file, by its absolute path. Throws a system error, or one whose message says what is wrong. */
export type FileReader = (path: string) => Buffer;

/**
 * The options of a TLS server, its files read. Paths start from `folder`. Throws a FastwsgiError (ERR_FILE) that names the
 * file that is missing, may not be read, or is not what it should be.
 */
export function readTlsOptions(line: HttpsAddress, folder: string, read: FileReader): TlsOptions {
  const file = (name: string): Buffer => {
    const path = resolve(folder, name);
    try {
      return read(path);
    } catch (cause) {
      throw new FastwsgiError('ERR_FILE', `Cannot read ${path}: ${systemErrorText(cause)}`, { option: 'https', cause });
    }
  };
  const { certificate, key, ciphers, clientCa } = line;
  const options: TlsOptions = { cert: file(certificate), key: file(key), honorCipherOrder: true };
  if (ciphers !== undefined) options.ciphers = ciphers;
  attempt(
    () => createSecureContext({ cert: options.cert }),
    `${resolve(folder, certificate)} is no certificate in PEM`,
  );
  attempt(() => createSecureContext({ key: options.key }), `${resolve(folder, key)} is no open private key in PEM`);
  attempt(() => createSecureContext({ ciphers }), `the ciphers "${ciphers}" are not known`);
  const both = `${resolve(folder, certificate)} and ${resolve(folder, key)} do not belong together`;
  attempt(() => createSecureContext(options), both);
  if (clientCa === undefined) return options;
  const ca = file(clientCa);
  // A secure context takes anything for a CA, and then trusts nobody.
  attempt(() => new X509Certificate(ca), `${resolve(folder, clientCa)} is no certificate in PEM`);
  return { ...options, ca, requestCert: true, rejectUnauthorized: line.clientMustShow };
}

function attempt(use: () => unknown, complaint: string): void {
  try {
    use();
  } catch (cause) {
    const message = `Cannot use https: ${complaint}: ${errorMessage(cause)}`;
    throw new FastwsgiError('ERR_FILE', message, { option: 'https', cause });
  }
}

/** The files of a line, by their absolute paths. */
export function tlsFiles({ certificate, key, clientCa }: HttpsAddress, folder: string): readonly string[] {
  const names = clientCa === undefined ? [certificate, key] : [certificate, key, clientCa];
  return names.map((name) => resolve(folder, name));
}
