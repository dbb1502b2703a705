import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type BuildFailure, build } from 'esbuild';

/**
 * Follows every import of every file of ours in an unpacked archive, into its packages, and returns those that lead to nothing in
 * it. Knows nothing of how the archive was made.
 */
export async function findUnresolved(folder: string): Promise<string[]> {
  const entryPoints = readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => ({ entry, path: relative(folder, join(entry.parentPath, entry.name)) }))
    .filter(({ entry, path }) => entry.isFile() && /\.(m?js|ts)$/.test(path) && !/(^|\/)node_modules\//.test(path))
    .map(({ path }) => path);
  if (entryPoints.length === 0) throw new Error(`Expected code in ${folder}, got none`);
  try {
    await build({
      ...{ entryPoints, absWorkingDir: folder, outdir: 'unwritten', write: false, bundle: true, logLevel: 'silent' },
      ...{ platform: 'node', format: 'esm', loader: { '.node': 'empty' } },
      // The module that the engine stands in for, and what the packages themselves can do without.
      ...{ external: ['k6', 'k6/*', ...optionalPackages] },
    });
    return [];
  } catch (error) {
    const { errors = [] } = error as Partial<BuildFailure>;
    if (errors.length === 0) throw error;
    return errors.map(({ text, location }) => `${location?.file ?? ''}: ${text}`);
  }
}

const optionalPackages: string[] = [];
