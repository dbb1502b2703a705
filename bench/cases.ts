import type { BenchCase } from './lib/bench-case.ts';

/** Each case is imported only when it runs, because a case may need packages that the others do not. */
export const cases: Readonly<Record<string, () => Promise<{ benchCase: BenchCase }>>> = {
  encode: () => import('./cases/encode.ts'),
  'multipart-parse': () => import('./cases/multipart-parse.ts'),
  upload: () => import('./cases/upload.ts'),
  'upload-slow': () => import('./cases/upload-slow.ts'),
  'upload-memory': () => import('./cases/upload-memory.ts'),
  'upload-burst': () => import('./cases/upload-burst.ts'),
  login: () => import('./cases/login.ts'),
  production: () => import('./cases/production.ts'),
  rankings: () => import('./cases/rankings.ts'),
  'rankings-scale': () => import('./cases/rankings-scale.ts'),
  token: () => import('./cases/token.ts'),
  vote: () => import('./cases/vote.ts'),
  worker: () => import('./cases/worker.ts'),
};
