import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../scripts/lib/user-error.ts';

export interface Target {
  baseUrl: string;
  metricsUrls: string[];
}

/** The service that runs from DATA_DIR, or what --target names; off this machine only what --allow names as well. */
export function findTarget(target: string | undefined, allowed: readonly string[], dataDir: string): Target {
  if (target === undefined) return readRunFile(join(dataDir, 'run.json'));
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

function readRunFile(path: string): Target {
  if (!existsSync(path))
    throw new UserError(`Expected a service to run (npm start, ${path}) or --target URL, got neither.`);
  const { baseUrl, metricsUrls } = JSON.parse(readFileSync(path, 'utf8')) as {
    baseUrl: string;
    metricsUrls: { web: string[] };
  };
  return { baseUrl: baseUrl.replace('localhost', '127.0.0.1').replace(/\/$/, ''), metricsUrls: metricsUrls.web };
}
