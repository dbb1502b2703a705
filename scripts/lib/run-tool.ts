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
  /** Standard output and error, in the order of arrival. */
  output: string;
}

/** Runs a program until it ends. Rejects with the end of its output if it fails. */
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

/** Runs a program until it ends, with any exit code. The code is null if the program does not exist. */
export function tryTool(command: string, args: readonly string[], options: ToolOptions = {}): Promise<ToolResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env: options.env ?? process.env,
      cwd: options.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Node.js' `timeout` option keeps this process alive if the program does not exist.
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

/** Finds a program on the PATH, or in the system's folders that the PATH of a user may lack. */
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
