import { readinessCheckMs, readinessFreshMs } from './limits.ts';
import { withTimeout } from './with-timeout.ts';

/** What a process may need, in the order in which it is reported as missing. */
export const dependencies = ['database', 'object_store', 'redis'] as const;
export type Dependency = (typeof dependencies)[number];

/** Rejects when the dependency cannot be used. The signal aborts when nobody waits for the answer any more. */
export type DependencyCheck = (signal: AbortSignal) => Promise<unknown>;

/** Resolves to the dependencies that are out of reach. */
export type FindMissing = () => Promise<Dependency[]>;

/** Asks all dependencies at once, at most once in `readinessFreshMs`. Each has `readinessCheckMs` to answer. */
export function openDependencyChecks(checks: Record<Dependency, DependencyCheck>): FindMissing {
  let latest: Promise<Dependency[]> | undefined;
  let askedAtMs = 0;

  async function ask(): Promise<Dependency[]> {
    const answers = await Promise.all(dependencies.map((name) => isInReach(checks[name])));
    return dependencies.filter((_, i) => answers[i] === false);
  }

  return () => {
    const now = performance.now();
    if (latest === undefined || now - askedAtMs > readinessFreshMs) {
      askedAtMs = now;
      latest = ask();
    }
    return latest;
  };
}

async function isInReach(check: DependencyCheck): Promise<boolean> {
  const call = check(AbortSignal.timeout(readinessCheckMs));
  return withTimeout(call, readinessCheckMs, () => new Error('no answer in time')).then(
    () => true,
    () => false,
  );
}

/** Fit for a client to read; undefined when nothing is missing. */
export function describeMissing([first]: readonly Dependency[]): string | undefined {
  return first === undefined ? undefined : `${first.replace('_', ' ')} out of reach`;
}
