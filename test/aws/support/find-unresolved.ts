import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { type BuildFailure, build } from 'esbuild';

/** Files that are loaded by URL: `new URL('./thread.js', import.meta.url)`, `open(import.meta.resolve('./objectives.json'))`. */
const addresses = [/(['"`])(\.\.?\/[^'"`$]+)\1\s*,\s*import\.meta\.url/g, /resolve\((['"`])(\.\.?\/[^'"`$]+)\1\)/g];

/**
 * Follows every import and URL in an unpacked archive, including its packages, and returns those that do not resolve. Does not depend
 * on how the archive was made.
 */
export async function findUnresolved(folder: string): Promise<string[]> {
  const entryPoints = readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => ({ entry, path: relative(folder, join(entry.parentPath, entry.name)) }))
    .filter(({ entry, path }) => entry.isFile() && /\.(m?js|ts)$/.test(path) && !/(^|\/)node_modules\//.test(path))
    .map(({ path }) => path);
  if (entryPoints.length === 0) throw new Error(`Expected code in ${folder}, got none`);
  const missing = entryPoints.flatMap((path) => findMissing(folder, path));
  try {
    await build({
      entryPoints,
      absWorkingDir: folder,
      outdir: 'unwritten',
      write: false,
      bundle: true,
      logLevel: 'silent',
      platform: 'node',
      format: 'esm',
      loader: { '.node': 'empty' },
      // The module that the engine replaces.
      external: ['k6', 'k6/*'],
    });
    return missing;
  } catch (error) {
    const { errors = [] } = error as Partial<BuildFailure>;
    if (errors.length === 0) throw error;
    return [...missing, ...errors.map(({ text, location }) => `${location?.file ?? ''}: ${text}`)];
  }
}

function findMissing(folder: string, path: string): string[] {
  const text = readFileSync(join(folder, path), 'utf8');
  return addresses
    .flatMap((pattern) => [...text.matchAll(pattern)].map(([, , address = '']) => address))
    .filter((address) => !existsSync(join(folder, dirname(path), address)))
    .map((address) => `${path}: Could not find ${address}`);
}
