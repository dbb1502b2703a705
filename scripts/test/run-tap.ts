import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from '../lib/paths.ts';
import { signalProcess } from '../lib/processes.ts';
import { countTap, type TapCount, type TapListener } from './count-tap.ts';

/** Run by commands of their own: `test:aws`, `test:faults`, `test:load`. */
const foldersOfTheirOwn = ['test/aws', 'test/faults', 'test/load'];

/** Every test file below the folder, but those that a command of their own runs. */
export function findTestFiles(folder = 'test'): string[] {
  return readdirSync(join(rootFolder, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return foldersOfTheirOwn.includes(path) ? [] : findTestFiles(path);
      return entry.name.endsWith('.test.ts') ? [path] : [];
    })
    .sort();
}

/** Returns those of `files` whose path contains one of the names, or all where there is no name. Ends the process where none is left. */
export function pickFiles(files: readonly string[], names: readonly string[]): string[] {
  const picked = files.filter((path) => names.length === 0 || names.some((name) => path.includes(name)));
  if (picked.length > 0) return picked;
  process.stderr.write(`Expected a test whose name has ${names.join(' or ')}, got none\n`);
  process.exit(2);
}

/** Where `tsc` puts a test file. */
export function compiledTest(path: string): string {
  return `dist/${path.replace(/\.ts$/, '.js')}`;
}

/** A test's name, with the source where the name begins with the compiled file. */
export function nameBySource(name: string): string {
  return name.replace(/^dist\/(test\/\S+)\.js\b/, '$1.ts');
}

export interface TapOptions {
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  listener: TapListener;
  /** One file after the other, instead of as many at once as .taprc says. */
  isSerial: boolean;
}

/** Runs tap to its end, counts what it reports and gives its exit code along. */
export async function runTap(
  files: readonly string[],
  { env, signal, listener, isSerial }: TapOptions,
): Promise<{ count: TapCount; code: number | null }> {
  const tap = join(rootFolder, 'node_modules', '.bin', 'tap');
  if (!existsSync(tap)) throw new Error(`Expected tap at ${tap}, got nothing`);
  const options = ['--reporter=tap', ...(isSerial ? ['--jobs=1'] : [])];
  const child = spawn(process.execPath, [tap, 'run', ...options, ...files.map(compiledTest)], {
    cwd: rootFolder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    // A group of its own: Ctrl-C reaches it through us alone, and what hangs in it can be ended as a whole.
    detached: true,
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  const end = () => {
    if (child.pid !== undefined && child.exitCode === null) signalProcess(-child.pid, 'SIGTERM');
  };
  signal.addEventListener('abort', end, { once: true });
  const [count, code] = await Promise.all([countTap(child.stdout, listener), ended]);
  signal.removeEventListener('abort', end);
  return { count, code };
}
