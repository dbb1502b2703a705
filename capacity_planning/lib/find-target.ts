import { readRunFile } from '../../scripts/lib/run-file.ts';
import { UserError } from '../../scripts/lib/user-error.ts';
import type { Values } from '../../src/config.ts';

export interface Target {
  baseUrl: string;
  metricsUrls: string[];
}

/** Finds the service that runs from DATA_DIR, or the one that --target names. A host off this machine also needs --allow. */
export async function findTarget(target: string | undefined, allowed: readonly string[], env: Values): Promise<Target> {
  if (target === undefined) return findRunning(env);
  if (!URL.canParse(target))
    throw new UserError(`Expected --target to be a URL such as http://127.0.0.1:8000, got ${target}.`);
  const { hostname, origin, protocol } = new URL(target);
  if (!/^https?:$/.test(protocol)) throw new UserError(`Expected --target to be http or https, got ${protocol}`);
  if (!isLoopback(hostname) && !allowed.includes(hostname)) {
    throw new UserError(
      `Expected --target to be on this machine, got ${hostname}. If you may load that host, add --allow ${hostname}.`,
    );
  }
  return { baseUrl: origin, metricsUrls: [] };
}

export function isLoopback(hostname: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

async function findRunning(env: Values): Promise<Target> {
  const found = await readRunFile(env);
  if (found === undefined) throw new UserError('Expected a running service (npm start) or --target URL, got neither.');
  const { baseUrl, metricsUrls } = found;
  return { baseUrl: baseUrl.replace('localhost', '127.0.0.1').replace(/\/$/, ''), metricsUrls: metricsUrls.web };
}
