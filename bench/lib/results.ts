import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from '../../scripts/lib/paths.ts';
import type { CaseResult } from './bench-case.ts';

/** Keeps the raw figures where the reports read them; the path, from the repository's top. */
export function keepResult(result: CaseResult): string {
  const path = join('bench', 'results', `${result.name}.json`);
  mkdirSync(join(rootFolder, 'bench', 'results'), { recursive: true });
  writeFileSync(join(rootFolder, path), `${JSON.stringify(result, null, 2)}\n`);
  return path;
}
