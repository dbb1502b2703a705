// Installs packages and builds before any TypeScript runs. Imports only Node.js modules, because no package may be installed yet.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

// The AWS SDK's warning about Node.js versions is for maintainers, not for users. Child processes inherit the setting.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const sourceFolders = ['src', 'worker', 'scripts', 'bench', 'k6/engine', 'capacity_planning', 'test'];
const installStamp = join(root, 'node_modules', '.installed');
const buildStamp = join(root, 'dist', '.built');

/** Makes sure that packages and build are up to date. Throws an error whose message says what to do. */
export function prepare({ toleratesTypeErrors = false } = {}) {
  checkNode();
  installPackages();
  build(toleratesTypeErrors);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 15)) return;
  throw new Error(
    `Expected Node.js 20.15 or newer, got ${process.versions.node}: install a newer version and try again.`,
  );
}

/** The stamp is a copy of the lockfile that was installed last, so that most starts compare two files. */
function installPackages() {
  const lockfile = readFileSync(join(root, 'package-lock.json'), 'utf8');
  if (existsSync(installStamp) && readFileSync(installStamp, 'utf8') === lockfile) return;
  if (!isInstalled(lockfile)) {
    step('packages: npm ci', 'Packages could not be installed', () => run('npm', ['ci', '--no-audit', '--no-fund']));
  }
  writeFileSync(installStamp, lockfile);
}

/** Compares npm's record of installed packages. An optional package may be missing. */
function isInstalled(lockfile) {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages;
  return Object.entries(JSON.parse(lockfile).packages).every(([path, { version, optional }]) =>
    installed[path] === undefined ? path === '' || optional : installed[path].version === version,
  );
}

function build(toleratesTypeErrors) {
  const newest = newestSource();
  if (existsSync(buildStamp) && statSync(buildStamp).mtimeMs > newest) return;
  const startedAt = new Date();
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  try {
    step('build: tsc', 'The sources could not be built', () => run(process.execPath, [compiler, '--pretty', 'false']));
  } catch (error) {
    if (!toleratesTypeErrors) throw error;
    process.stdout.write('build: continuing despite the type errors above, because single files were named\n');
    return;
  }
  mkdirSync(dirname(buildStamp), { recursive: true });
  rmSync(buildStamp, { force: true });
  writeFileSync(buildStamp, `${startedAt.toISOString()}\n`);
}

/** Includes the time of folders, so that a deleted or renamed file is noticed. */
function newestSource() {
  let newest = statSync(join(root, 'tsconfig.json')).mtimeMs;
  const visit = (folder) => {
    newest = Math.max(newest, statSync(folder).mtimeMs);
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (/\.(ts|json)$/.test(entry.name)) newest = Math.max(newest, statSync(path).mtimeMs);
    }
  };
  for (const name of sourceFolders) if (existsSync(join(root, name))) visit(join(root, name));
  return newest;
}

function step(name, failure, action) {
  process.stdout.write(`${name} ...\n`);
  const startedAt = performance.now();
  const result = action();
  if (result.status !== 0) {
    process.stdout.write(result.output);
    throw new Error(`${failure}: ${name} ended with ${result.status ?? result.reason}; see the lines above.`);
  }
  process.stdout.write(`${name} done in ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
}

function run(command, args) {
  const result = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return {
    status: result.status,
    reason: result.error?.message ?? result.signal,
    output: `${result.stdout ?? ''}${result.stderr ?? ''}`,
  };
}
