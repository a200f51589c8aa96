import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Paths of a key and of its certificate, which is its own authority. */
export interface TestCertificate {
  readonly key: string;
  readonly cert: string;
}

/** Makes a key and a certificate for localhost and 127.0.0.1 in `folder`, good for two days; needs `openssl`. */
export function makeCertificate(folder: string): TestCertificate {
  const made = { key: join(folder, 'key.pem'), cert: join(folder, 'cert.pem') };
  const request = 'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost';
  const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const files = ['-keyout', made.key, '-out', made.cert];
  execFileSync('openssl', [...request.split(' '), ...names, ...files], { stdio: 'ignore' });
  return made;
}
