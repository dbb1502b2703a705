import { readRunFile } from '../../scripts/lib/run-file.ts';
import { UserError } from '../../scripts/lib/user-error.ts';
import type { Values } from '../../src/config.ts';

export interface Target {
  baseUrl: string;
  metricsUrls: string[];
}

/** The service that runs from DATA_DIR, or what --target names; off this machine only what --allow names as well. */
export async function findTarget(target: string | undefined, allowed: readonly string[], env: Values): Promise<Target> {
  if (target === undefined) return findRunning(env);
  if (!URL.canParse(target))
    throw new UserError(`Expected --target to be an address such as http://127.0.0.1:8000, got ${target}.`);
  const { hostname, origin, protocol } = new URL(target);
  if (!/^https?:$/.test(protocol)) throw new UserError(`Expected --target to be http or https, got ${protocol}`);
  if (!isLoopback(hostname) && !allowed.includes(hostname)) {
    throw new UserError(
      `Expected --target to be on this machine, got ${hostname}: name it by --allow ${hostname} if it is yours to load.`,
    );
  }
  return { baseUrl: origin, metricsUrls: [] };
}

export function isLoopback(hostname: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

async function findRunning(env: Values): Promise<Target> {
  const found = await readRunFile(env);
  if (found === undefined) throw new UserError('Expected a service to run (npm start) or --target URL, got neither.');
  const { baseUrl, metricsUrls } = found;
  return { baseUrl: baseUrl.replace('localhost', '127.0.0.1').replace(/\/$/, ''), metricsUrls: metricsUrls.web };
}
