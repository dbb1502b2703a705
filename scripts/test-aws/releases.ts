import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder, toolsFolder } from '../lib/paths.ts';
import { runTool, tryTool } from '../lib/run-tool.ts';
import { sayOnTerminal as say } from '../lib/steps.ts';

/** As a dry run builds it: of the last commit. */
export async function makeRelease(): Promise<string> {
  const folder = join(toolsFolder(), 'aws', 'release');
  rmSync(folder, { recursive: true, force: true });
  say('the release is being built ...');
  await runTool(join(rootFolder, 'scripts/aws/release'), ['--dry-run', '--out', folder]);
  return folder;
}

/**
 * The last commit that knew nothing of the newest migration, built with the packages it had: what a rollback brings back, on a
 * schema that is newer than it. Undefined where the history is not at hand, as in a shallow clone.
 */
export async function makePreviousRelease(): Promise<string | undefined> {
  const commit = await findPreviousCommit();
  if (commit === undefined) return undefined;
  const folder = join(toolsFolder(), 'aws', `previous-${commit.slice(0, 12)}`);
  if (existsSync(join(folder, '.complete'))) return folder;
  say(`the previous release (${commit.slice(0, 12)}) is being built ...`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const unpack = 'git -C "$0" archive "$1" | tar -x -C "$2"';
  await runTool('sh', ['-c', unpack, rootFolder, commit, folder]);
  await runTool('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'], { cwd: folder });
  await runTool(process.execPath, [join(folder, 'node_modules/typescript/bin/tsc'), '-p', folder]);
  writeFileSync(join(folder, '.complete'), '');
  return folder;
}

async function findPreviousCommit(): Promise<string | undefined> {
  const migrations = 'src/database/migrations';
  const newest = readdirSync(join(rootFolder, migrations)).sort().at(-1) ?? '';
  const log = ['log', '--diff-filter=A', '--format=%H', '-1', '--', `${migrations}/${newest}`];
  const added = await tryTool('git', log, { cwd: rootFolder });
  if (added.code !== 0 || added.stdout.trim() === '') return undefined;
  const parent = ['rev-parse', '--verify', '--quiet', `${added.stdout.trim()}^`];
  const { code, stdout } = await tryTool('git', parent, { cwd: rootFolder });
  return code === 0 ? stdout.trim() : undefined;
}
