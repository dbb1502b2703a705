import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { UserError } from './user-error.ts';

export interface ToolOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  timeoutMs?: number;
  user?: { uid: number; gid: number } | undefined;
}

export interface ToolResult {
  code: number | null;
  stdout: string;
  /** Both streams in the order they came. */
  output: string;
}

/** Runs a program to its end; throws a sentence with the end of its output when it fails. */
export async function runTool(
  command: string,
  args: readonly string[],
  options: ToolOptions = {},
): Promise<ToolResult> {
  const result = await tryTool(command, args, options);
  if (result.code === 0) return result;
  const tail = result.output.trimEnd().split('\n').slice(-8).join('\n');
  throw new UserError(`Expected \`${command} ${args.join(' ')}\` to succeed, got exit code ${result.code}:\n${tail}`);
}

/** Runs a program to its end, whatever that is; a program that is not there has the code null. */
export function tryTool(command: string, args: readonly string[], options: ToolOptions = {}): Promise<ToolResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env: options.env ?? process.env,
      cwd: options.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Node's own `timeout` keeps the process alive when the program is not there.
      signal: AbortSignal.timeout(options.timeoutMs ?? 600_000),
      killSignal: 'SIGKILL',
      ...(options.user ?? {}),
    });
    let stdout = '';
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.once('error', (error) => resolve({ code: null, stdout, output: `${output}${error.message}` }));
    child.once('close', (code) => resolve({ code, stdout, output }));
  });
}

/** Where a program lies on the PATH (and in the folders of the system, which a user's PATH may lack). */
export function findOnPath(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
