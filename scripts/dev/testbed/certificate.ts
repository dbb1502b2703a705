import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** A key and a certificate for the loopback address, signed by itself: who is to trust it must be given `certificatePath`. */
export function makeCertificate(folder: string): { keyPath: string; certificatePath: string } {
  const keyPath = join(folder, 'tls.key');
  const certificatePath = join(folder, 'tls.crt');
  const args = [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'],
    ...['-keyout', keyPath, '-out', certificatePath],
  ];
  execFileSync('openssl', args, { stdio: 'ignore' });
  return { keyPath, certificatePath };
}
