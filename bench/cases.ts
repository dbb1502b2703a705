import type { BenchCase } from './lib/bench-case.ts';

/** Loaded one at a time: a case brings packages that the others need not have. */
export const cases: Readonly<Record<string, () => Promise<{ benchCase: BenchCase }>>> = {
  'multipart-parse': () => import('./cases/multipart-parse.ts'),
  rankings: () => import('./cases/rankings.ts'),
  token: () => import('./cases/token.ts'),
};
