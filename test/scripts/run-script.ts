import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { rootFolder } from '../../scripts/lib/paths.ts';

export interface ScriptResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs dist/scripts/NAME.js as a process of its own, with these settings and none of the test run's. */
export async function runScript(name: string, args: string[], env: Record<string, string>): Promise<ScriptResult> {
  const child = spawn(process.execPath, [`dist/scripts/${name}.js`, ...args], {
    cwd: rootFolder,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 120_000,
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { code, stdout, stderr };
}
