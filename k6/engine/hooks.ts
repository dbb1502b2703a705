import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';

type Resolve = (specifier: string, context: unknown) => Promise<{ url: string }>;
type Load = (url: string, context: unknown) => Promise<unknown>;

const modules = ['k6', 'k6/data', 'k6/execution', 'k6/http', 'k6/metrics', 'k6/timers'];

/** Resolves k6's modules to this engine's modules, and rejects every other module of k6 by name. */
export async function resolve(specifier: string, context: unknown, nextResolve: Resolve) {
  if (specifier !== 'k6' && !specifier.startsWith('k6/')) return nextResolve(specifier, context);
  if (!modules.includes(specifier))
    throw new Error(`The module ${specifier} is not part of this engine: run it by k6 itself`);
  const name = specifier === 'k6' ? 'k6' : specifier.slice('k6/'.length);
  return { url: new URL(`./modules/${name}.js`, import.meta.url).href, shortCircuit: true };
}

/** Compiles scenario files, because Node.js 20 does not run TypeScript. */
export async function load(url: string, context: unknown, nextLoad: Load) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context);
  const source = await readFile(fileURLToPath(url), 'utf8');
  const { code } = await transform(source, {
    loader: 'ts',
    format: 'esm',
    target: 'es2022',
    sourcefile: fileURLToPath(url),
  });
  return { format: 'module', source: code, shortCircuit: true };
}
