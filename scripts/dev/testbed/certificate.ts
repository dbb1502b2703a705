import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Creates a key and a self-signed certificate for the loopback address. Clients must be configured to trust `certificatePath`. */
export function makeCertificate(folder: string): { keyPath: string; certificatePath: string } {
  const keyPath = join(folder, 'tls.key');
  const certificatePath = join(folder, 'tls.crt');
  const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2';
  const names = '-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1';
  const args = [...`${request} ${names}`.split(' '), '-keyout', keyPath, '-out', certificatePath];
  execFileSync('openssl', args, { stdio: 'ignore' });
  return { keyPath, certificatePath };
}
