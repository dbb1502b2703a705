import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from '../../scripts/lib/paths.ts';
import type { BenchCase, CaseResult } from './bench-case.ts';

/** Writes the raw figures and, if the case has one, the report made from them. Returns the paths, relative to the repository. */
export function keepResult(result: CaseResult, renderReport: BenchCase['renderReport']): string[] {
  const folder = join('bench', 'results');
  const files: Record<string, string> = { [`${result.name}.json`]: `${JSON.stringify(result, null, 2)}\n` };
  if (renderReport !== undefined) files[`${result.name}.md`] = renderReport(result);
  mkdirSync(join(rootFolder, folder), { recursive: true });
  return Object.entries(files).map(([name, text]) => {
    writeFileSync(join(rootFolder, folder, name), text);
    return join(folder, name);
  });
}
