/** The certificate of the server, checked before anything uses it: a mistake in a file must say which file. */
import { createHash, createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

/** Paths of PEM files. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Certificate {
  readonly files: TlsFiles;
  /** Contents of the files. */
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Differs when one of the files has another content. */
  readonly hash: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** The certificate can't be used. The message is a sentence that names the variable; it holds nothing of the key. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError';
}

/** @throws {CertificateError} */
export function readCertificate(files: TlsFiles): Certificate {
  const cert = read('TLS_CERT', files.certFile);
  const key = read('TLS_KEY', files.keyFile);
  const certificate = parse('TLS_CERT', files.certFile, 'certificate in PEM', () => new X509Certificate(cert));
  const privateKey = parse('TLS_KEY', files.keyFile, 'private key in PEM without a passphrase', () =>
    createPrivateKey(key),
  );
  checkPair(certificate, privateKey, files);
  try {
    createSecureContext({ cert, key, minVersion: 'TLSv1.2' });
  } catch (error) {
    throw new CertificateError(`TLS_CERT and TLS_KEY can't be used: ${reasonOf(error)}.`, { cause: error });
  }
  const hash = createHash('sha256').update(cert).update('\0').update(key).digest('hex');
  return { files, cert, key, hash, expiresAt: Date.parse(certificate.validTo) };
}

function read(variable: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CertificateError(`${variable} can't be read: ${reasonOf(error)}.`, { cause: error });
  }
}

function parse<Result>(variable: string, path: string, what: string, make: () => Result): Result {
  try {
    return make();
  } catch (error) {
    throw new CertificateError(`${variable} names a file that has no ${what}: ${path}.`, { cause: error });
  }
}

function checkPair(certificate: X509Certificate, key: KeyObject, { certFile, keyFile }: TlsFiles): void {
  if (certificate.checkPrivateKey(key)) return;
  throw new CertificateError(`The key in TLS_KEY (${keyFile}) does not fit the certificate in TLS_CERT (${certFile}).`);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
