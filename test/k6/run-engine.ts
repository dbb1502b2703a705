import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EngineResult } from '../../k6/engine/run.ts';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { tryTool } from '../../scripts/lib/run-tool.ts';

export interface EngineRun {
  code: number | null;
  output: string;
  result: EngineResult | undefined;
}

/** Runs a scenario, given by path or text, with the built engine in its own process. */
export async function runEngine(
  t: { teardown(undo: () => unknown): void },
  scenario: { path: string } | { text: string },
  env: Record<string, string> = {},
  args: readonly string[] = [],
): Promise<EngineRun> {
  const folder = mkdtempSync(join(tmpdir(), 'engine-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const path = 'path' in scenario ? join(rootFolder, scenario.path) : join(folder, 'scenario.ts');
  if ('text' in scenario) writeFileSync(path, scenario.text);
  const out = join(folder, 'out.json');
  const main = join(rootFolder, 'dist', 'k6', 'engine', 'main.js');
  const pairs = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const { code, output } = await tryTool(process.execPath, [main, 'run', path, '--out', out, ...pairs, ...args], {
    timeoutMs: 120_000,
    // NODE_OPTIONS holds the test runner's loaders.
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  return { code, output, result: readResult(out) };
}

function readResult(path: string): EngineResult | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as EngineResult;
  } catch {
    return undefined;
  }
}
