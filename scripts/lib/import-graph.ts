import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { type BuildFailure, build, type Metafile } from 'esbuild';
import { UserError } from './user-error.ts';

export interface Imports {
  /** Paths relative to the root, sorted. */
  files: string[];
  /** Package names without subpaths, sorted. */
  packages: string[];
}

/** A file that is loaded by URL, such as a thread: `new URL('./thread.js', import.meta.url)`. */
const relativeAddress = /(['"`])(\.\.?\/[^'"`\n]+)\1\s*,\s*import\.meta\.url/g;
/** A package that is resolved without an import: `createRequire(import.meta.url).resolve('name/file')`. */
const requiredPackage = /createRequire\(import\.meta\.url\)(?:\.resolve)?\(\s*['"]([^'"]+)['"]/g;

/**
 * Finds the files and packages that the entry files import, directly or through other files. Releases and
 * archives are packed by this result, so that a new import is packed too. Rejects if a relative import does not resolve.
 */
export async function findImports(root: string, entries: readonly string[]): Promise<Imports> {
  const found = new Set<string>();
  const packages = new Set<string>();
  let next = [...entries];
  while (next.length > 0) {
    const { inputs } = await readGraph(root, next);
    next = [];
    for (const [file, { imports }] of Object.entries(inputs)) {
      if (found.has(file)) continue;
      found.add(file);
      for (const each of imports) if (each.external) packages.add(nameOf(each.path));
      const text = readFileSync(join(root, file), 'utf8');
      for (const [, , address = ''] of text.matchAll(relativeAddress)) next.push(...listMatches(root, file, address));
      for (const [, path = ''] of text.matchAll(requiredPackage)) packages.add(nameOf(path));
    }
    next = next.filter((file) => !found.has(file));
  }
  return { files: [...found].sort(), packages: [...packages].filter((name) => !isBuiltin(name)).sort() };
}

async function readGraph(root: string, entryPoints: string[]): Promise<Metafile> {
  try {
    const { metafile } = await build({
      entryPoints,
      absWorkingDir: root,
      outdir: 'unwritten',
      write: false,
      metafile: true,
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      logLevel: 'silent',
    });
    return metafile;
  } catch (error) {
    const { errors = [] } = error as Partial<BuildFailure>;
    if (errors.length === 0) throw error;
    const lines = errors.map(({ text, location }) => `${location?.file ?? root}: ${text}`);
    throw new UserError(`Expected every import to resolve, got:\n${lines.join('\n')}`);
  }
}

function nameOf(path: string): string {
  if (isBuiltin(path)) return path;
  return path
    .split('/')
    .slice(0, path.startsWith('@') ? 2 : 1)
    .join('/');
}

/** A part of a URL that is known only at run time matches any name, with or without a dot. */
function listMatches(root: string, importer: string, address: string): string[] {
  const path = join(dirname(importer), address.replaceAll(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, '*'));
  const folder = dirname(path);
  const escaped = relative(folder, path).replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&');
  const pattern = new RegExp(`^${escaped.replaceAll('*', '[^/]*')}$`);
  const matches = readdirSync(join(root, folder)).filter((name) => pattern.test(name) && /\.[cm]?[jt]s$/.test(name));
  if (matches.length === 0) throw new UserError(`Expected ${importer} to find ${address}, got no such file`);
  return matches.map((name) => join(folder, name));
}
