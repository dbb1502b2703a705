import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder, toolsFolder } from '../../lib/paths.ts';
import { runTool, tryTool } from '../../lib/run-tool.ts';

/** Builds a release of the last commit with a dry run, and returns its folder. */
export async function makeRelease(): Promise<string> {
  const folder = join(toolsFolder(), 'aws', 'release');
  rmSync(folder, { recursive: true, force: true });
  await runTool(join(rootFolder, 'scripts/aws/release'), ['--dry-run', '--out', folder]);
  return folder;
}

/**
 * Builds the last commit before the newest migration with its own packages: what a rollback runs on the newer schema. Returns undefined
 * without the history, as in a shallow clone.
 */
export async function makePreviousRelease(): Promise<string | undefined> {
  const commit = await findPreviousCommit();
  if (commit === undefined) return undefined;
  const folder = join(toolsFolder(), 'aws', `previous-${commit.slice(0, 12)}`);
  if (existsSync(join(folder, '.complete'))) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const unpack = 'git -C "$0" archive "$1" | tar -x -C "$2"';
  await runTool('sh', ['-c', unpack, rootFolder, commit, folder]);
  await installPackages(folder);
  // Its types were checked at the time.
  await runTool(process.execPath, [join(folder, 'node_modules/typescript/bin/tsc'), '--noCheck', '-p', folder]);
  writeFileSync(join(folder, '.complete'), '');
  return folder;
}

/** Links the packages of this checkout if the lockfiles are equal. Hard links need one file system. */
async function installPackages(folder: string): Promise<void> {
  const [own, other] = [rootFolder, folder].map((each) => readFileSync(join(each, 'package-lock.json'), 'utf8'));
  const link = ['-al', join(rootFolder, 'node_modules'), folder];
  if (own === other && (await tryTool('cp', link)).code === 0) return;
  await runTool('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'], { cwd: folder });
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
