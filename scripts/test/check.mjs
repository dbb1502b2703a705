// `npm run check`: types, lint, import rules and dead code; workflows and shell scripts if actionlint and shellcheck are installed. Runs
// all checks even if one fails.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { prepare, root } from '../lib/prepare.mjs';

const binaries = join(root, 'node_modules', '.bin');
if (!existsSync(join(binaries, 'biome'))) prepare({ toleratesTypeErrors: true });

const sources = ['src', 'worker', 'scripts', 'bench', 'k6', 'capacity_planning', 'cloud_load_testing', 'test'];
const files = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .stdout.split('\n')
  .filter(Boolean);

const outcomes = [
  ...['tsconfig.json', 'k6/tsconfig.json'].map((project) =>
    check(`types (${project})`, 'tsc', ['--noEmit', '--pretty', 'false', '-p', project]),
  ),
  check('lint', 'biome', ['check', '--error-on-warnings']),
  check('import rules', 'depcruise', ['--config', '.dependency-cruiser.cjs', ...sources]),
  check('dead code', 'knip', ['--no-progress']),
  check(
    'workflows',
    'actionlint',
    files.filter((path) => path.startsWith('.github/workflows/')),
  ),
  check('shell scripts', 'shellcheck', files.filter(isShellScript)),
];
const failed = outcomes.filter((outcome) => outcome === 'failed').length;
const skipped = outcomes.filter((outcome) => outcome === 'skipped').length;
console.log(`${outcomes.length - failed - skipped} checks passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 ? 0 : 1;

/** Prints the output of a tool only if it finds something. */
function check(name, tool, args) {
  const begunAt = performance.now();
  const env = { ...process.env, PATH: `${binaries}:${process.env.PATH}` };
  const { status, stdout, stderr, error } = spawnSync(tool, args, {
    cwd: root,
    env,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (error?.code === 'ENOENT') {
    console.log(`${name}: skipped, ${tool} is not installed`);
    return 'skipped';
  }
  const outcome = status === 0 ? 'passed' : 'failed';
  if (status !== 0) console.log(`${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`.trimEnd());
  console.log(`${name}: ${outcome} (${tool}, ${((performance.now() - begunAt) / 1000).toFixed(1)} s)`);
  return outcome;
}

/** Recognizes a script by its extension or its first line. */
function isShellScript(path) {
  if (!/(^|\/)[^.]+$|\.sh$/.test(path) || !existsSync(join(root, path))) return false;
  return /^#!.*\b(ba|da)?sh\b/.test(readFileSync(join(root, path), 'utf8'));
}
