import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';

type Resolve = (specifier: string, context: unknown) => Promise<{ url: string }>;
type Load = (url: string, context: unknown) => Promise<unknown>;

const modules = ['k6', 'k6/data', 'k6/execution', 'k6/http', 'k6/metrics', 'k6/timers'];

/** Scenario files import k6's modules: here they get this engine's, and any other is refused by its name. */
export async function resolve(specifier: string, context: unknown, nextResolve: Resolve) {
  if (specifier !== 'k6' && !specifier.startsWith('k6/')) return nextResolve(specifier, context);
  if (!modules.includes(specifier))
    throw new Error(`The module ${specifier} is not part of this engine: run it by k6 itself`);
  const name = specifier === 'k6' ? 'k6' : specifier.slice('k6/'.length);
  return { url: new URL(`./modules/${name}.js`, import.meta.url).href, shortCircuit: true };
}

/** Scenario files are TypeScript, which k6 runs as it is and Node 20 does not. The compiler is a process of its own. */
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
