/** A certificate authority of a test, made by openssl. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Issues certificates for localhost, 127.0.0.1 and ::1 in a folder. */
export class Authority {
  /** Its certificate in PEM. */
  readonly ca: string;
  readonly #folder: string;
  #serial = 1;

  constructor(folder: string) {
    this.#folder = folder;
    this.#openssl(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', '/CN=Authority of the tests', '-keyout', 'ca-key.pem', '-out', 'ca.pem'],
    );
    this.ca = readFileSync(join(folder, 'ca.pem'), 'utf8');
  }

  /** @returns The contents of `cert.pem` and `key.pem`. */
  issue(name: string, kind: 'ec' | 'rsa' = 'ec', days = 30): { readonly cert: string; readonly key: string } {
    const algorithm = kind === 'ec' ? ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['rsa:2048'];
    writeFileSync(join(this.#folder, 'names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\n');
    this.#openssl(
      ...['req', '-newkey', ...algorithm, '-nodes', '-subj', `/CN=${name}`],
      ...['-keyout', 'issued-key.pem', '-out', 'request.pem'],
    );
    this.#openssl(
      ...['x509', '-req', '-in', 'request.pem', '-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-extfile', 'names'],
      ...['-set_serial', String(this.#serial++), '-days', String(days), '-out', 'issued.pem'],
    );
    const read = (file: string): string => readFileSync(join(this.#folder, file), 'utf8');
    return { cert: read('issued.pem'), key: read('issued-key.pem') };
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { cwd: this.#folder, stdio: 'pipe' });
  }
}
