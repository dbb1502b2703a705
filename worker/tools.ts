import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, realpath } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { ConfigError } from '../src/errors.ts';

export interface Tools {
  readonly ffmpeg: string;
  readonly ffprobe: string;
  /** The version that the binary reports. */
  readonly version: string;
}

export interface ToolSettings {
  readonly ffmpegPath: string | undefined;
  readonly ffprobePath: string | undefined;
  /** The folders to search, in the format of PATH. */
  readonly searchPath: string;
}

/** The version of libavcodec in FFmpeg 5.1. Builds from a branch report a commit as FFmpeg's version, but numbers for libraries. */
const codecLibraryFloor = [59, 37] as const;

/**
 * Finds FFmpeg and ffprobe by the settings, else in PATH, else in the ffmpeg-static package if it is installed. Rejects with
 * ConfigError when a tool is missing or too old: an old FFmpeg has known vulnerabilities to hostile files.
 */
export async function findTools(settings: ToolSettings): Promise<Tools> {
  const ffmpeg = await find('ffmpeg', 'FFMPEG_PATH', settings.ffmpegPath, settings.searchPath, ffmpegStatic);
  const ffprobe = await find(
    'ffprobe',
    'FFPROBE_PATH',
    settings.ffprobePath,
    settings.searchPath,
    async () => undefined,
  );
  const versions = await Promise.all([readVersion(ffmpeg), readVersion(ffprobe)]);
  return { ffmpeg, ffprobe, version: versions[0] };
}

async function find(
  name: string,
  setting: string,
  path: string | undefined,
  searchPath: string,
  lastResort: () => Promise<string | undefined>,
): Promise<string> {
  if (path !== undefined) {
    if (await isExecutable(path)) return realpath(path);
    throw new ConfigError(`Expected ${setting} to be a program that can be run, got ${path}.`);
  }
  for (const folder of searchPath.split(delimiter)) {
    const candidate = join(folder, name);
    if (folder !== '' && (await isExecutable(candidate))) return candidate;
  }
  const found = await lastResort();
  if (found !== undefined && (await isExecutable(found))) return found;
  throw new ConfigError(
    `Expected ${name} to be installed (apt-get install ffmpeg) or ${setting} to be set, found none.`,
  );
}

async function ffmpegStatic(): Promise<string | undefined> {
  try {
    // A variable hides the name from the compiler, because the package and its types are optional.
    const name = 'ffmpeg-static';
    const loaded: { default?: string | null } = await import(name);
    return loaded.default ?? undefined;
  } catch {
    return undefined;
  }
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function readVersion(path: string): Promise<string> {
  const { stdout } = await promisify(execFile)(path, ['-version'], { timeout: 10_000 }).catch((error: unknown) => {
    throw new ConfigError(`Expected ${path} to report its version, got: ${String(error)}`);
  });
  const version = /^\S+ version (\S+)/.exec(stdout)?.[1] ?? 'unknown';
  const [, major = '0', minor = '0'] = /libavcodec\s+(\d+)\.\s*(\d+)/.exec(stdout) ?? [];
  const [floorMajor, floorMinor] = codecLibraryFloor;
  if (Number(major) > floorMajor || (Number(major) === floorMajor && Number(minor) >= floorMinor)) return version;
  throw new ConfigError(`Expected ${path} to be version 5.1 or newer, got ${version}.`);
}
