import { readinessCheckMs, readinessFreshMs } from './limits.ts';
import { withTimeout } from './with-timeout.ts';

/** The dependencies of a process, in the order in which they are reported as unreachable. */
export const dependencies = ['database', 'object_store', 'redis'] as const;
export type Dependency = (typeof dependencies)[number];

/** Rejects when the dependency cannot be used. The signal aborts when the check has timed out. */
export type DependencyCheck = (signal: AbortSignal) => Promise<unknown>;

/** Resolves to the dependencies that are unreachable. */
export type FindMissing = () => Promise<Dependency[]>;

/** Returns a check of all dependencies. It runs at most once in `readinessFreshMs`; each dependency has `readinessCheckMs` to answer. */
export function openDependencyChecks(checks: Record<Dependency, DependencyCheck>): FindMissing {
  let latest: Promise<Dependency[]> | undefined;
  let checkedAtMs = 0;

  async function checkAll(): Promise<Dependency[]> {
    const answers = await Promise.all(dependencies.map((name) => isReachable(checks[name])));
    return dependencies.filter((_, i) => answers[i] === false);
  }

  return () => {
    const now = performance.now();
    if (latest === undefined || now - checkedAtMs > readinessFreshMs) {
      checkedAtMs = now;
      latest = checkAll();
    }
    return latest;
  };
}

async function isReachable(check: DependencyCheck): Promise<boolean> {
  const call = check(AbortSignal.timeout(readinessCheckMs));
  return withTimeout(call, readinessCheckMs, () => new Error('no answer in time')).then(
    () => true,
    () => false,
  );
}

/** Returns a message for clients, or undefined when nothing is unreachable. */
export function describeMissing([first]: readonly Dependency[]): string | undefined {
  return first === undefined ? undefined : `${first.replace('_', ' ')} out of reach`;
}
