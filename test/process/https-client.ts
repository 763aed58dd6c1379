// What the tests on https share: a folder of certificates, and requests over TLS that tell whose certificate they met.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { makeCertificate, type TestCertificate } from '../helpers/certificate.js';
import { APPS, type DisposableServer, disposable, type Twin } from './threads-client.js';

/** A folder with `NAME.crt` and `NAME.key`. */
export class CertificateFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'fastwsgi-tls-'));

  file(name: string): string {
    return join(this.path, name);
  }

  /** Writes a new pair under `name`; the certificate's common name is `commonName`. */
  put(name: string, commonName = name, issuer?: TestCertificate): TestCertificate {
    const made = makeCertificate(commonName, issuer);
    writeFileSync(this.file(`${name}.crt`), made.certificate);
    writeFileSync(this.file(`${name}.key`), made.key, { mode: 0o600 });
    return made;
  }

  /** The value of `https` for a pair, on a free port. */
  line(name: string, more = ''): string {
    return `127.0.0.1:0,${this.file(`${name}.crt`)},${this.file(`${name}.key`)}${more}`;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Starts test/helpers/apps/echo.ts. */
export function startEcho(twin: Twin, args: readonly string[]): Promise<DisposableServer> {
  const all = ['--chdir', APPS, '--module', 'echo:application', '--processes', '1', ...twin.args, ...args];
  return disposable({ args: all, env: twin.env });
}

export interface TlsAnswer {
  readonly status: number;
  readonly body: string;
  /** The common name of the server's certificate. */
  readonly name: string;
}

/** One request on a connection of its own, the server's certificate taken as it is. Rejects when there is no answer. */
export function askTls(options: RequestOptions, body: Buffer | string = ''): Promise<TlsAnswer> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest({ rejectUnauthorized: false, agent: false, ...options }, (response) => {
      const certificate: PeerCertificate = (response.socket as TLSSocket).getPeerCertificate();
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: text, name: String(certificate.subject.CN) }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** The vars that reached the application. */
export async function varsOverTls(options: RequestOptions): Promise<Record<string, string>> {
  return JSON.parse((await askTls(options)).body) as Record<string, string>;
}
