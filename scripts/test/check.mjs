// `npm run check`: types, lint, layers and dead code, by the tools made for it; then the workflow and the shell scripts,
// where the tools for those are installed. Everything is run, whatever fails, so that one run tells all.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join, relative } from 'node:path';
import { prepare, root } from '../lib/prepare.mjs';

const binaries = join(root, 'node_modules', '.bin');
if (!existsSync(join(binaries, 'biome'))) prepare({ toleratesTypeFaults: true });

const folders = ['src', 'worker', 'scripts', 'bench', 'k6', 'capacity_planning', 'cloud_load_testing', 'test'].filter(
  holdsCode,
);
const typeProjects = ['tsconfig.json', 'k6/tsconfig.json'].filter((path) => existsSync(join(root, path)));

const outcomes = [
  ...typeProjects.map((project) =>
    check(`types (${project})`, 'tsc', ['--noEmit', '--pretty', 'false', '-p', project]),
  ),
  check('lint', 'biome', ['check', '--error-on-warnings']),
  check('layers', 'depcruise', ['--config', '.dependency-cruiser.cjs', ...folders]),
  check('dead code', 'knip', ['--no-progress']),
  check('workflows', 'actionlint', listFiles(join(root, '.github', 'workflows'), /\.ya?ml$/)),
  check('shell scripts', 'shellcheck', listShellScripts()),
];
const failed = outcomes.filter((outcome) => outcome === 'failed').length;
const skipped = outcomes.filter((outcome) => outcome === 'skipped').length;
console.log(`${outcomes.length - failed - skipped} checks passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 ? 0 : 1;

/** Prints what the tool says only when it finds something. */
function check(name, tool, args) {
  const path = findTool(tool);
  if (path === undefined) {
    console.log(`${name}: skipped, ${tool} is not installed`);
    return 'skipped';
  }
  const begunAt = performance.now();
  const { status, stdout, stderr, error } = spawnSync(path, args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 });
  const seconds = ((performance.now() - begunAt) / 1000).toFixed(1);
  if (status === 0) {
    console.log(`${name}: passed (${tool}, ${seconds} s)`);
    return 'passed';
  }
  console.log(`${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`.trimEnd());
  console.log(`${name}: failed (${tool}, ${seconds} s)`);
  return 'failed';
}

/** Our own tools come with the packages, the others from the machine. */
function findTool(tool) {
  const candidates = [binaries, ...(process.env.PATH ?? '').split(delimiter)].map((folder) => join(folder, tool));
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function holdsCode(folder) {
  return existsSync(join(root, folder)) && listFiles(join(root, folder), /\.(ts|mjs)$/).length > 0;
}

/** Known by their name or by their first line. */
function listShellScripts() {
  const atTheTop = readdirSync(root).filter((name) => name.endsWith('.sh'));
  const deeper = ['.ci', ...folders]
    .map((folder) => join(root, folder))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => listFiles(folder, /(^|\/)[^.]+$|\.sh$/));
  return [...atTheTop, ...deeper].filter((path) => /^#!.*\b(ba|da)?sh\b/.test(readFileSync(join(root, path), 'utf8')));
}

function listFiles(folder, pattern) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .filter((path) => pattern.test(path) && !path.split('/').includes('node_modules'));
}
