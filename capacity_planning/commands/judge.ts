import { existsSync, readFileSync } from 'node:fs';
import { UserError } from '../../scripts/lib/user-error.ts';
import { judgeForeign } from '../lib/foreign.ts';
import { readForeign } from '../lib/read-foreign.ts';
import { exitCodes, type Options } from './options.ts';

/** What another tool's file supports and what not; 0 only where it supports a capacity claim. */
export async function judgeFile(path: string, { json }: Options): Promise<number> {
  if (!existsSync(path)) throw new UserError(`Expected ${path} to be there, got nothing.`);
  const run = readForeign(readFileSync(path, 'utf8'));
  const verdict = judgeForeign(run);
  const lines = [
    `${run.format}: ${verdict.supportsClaim ? 'supports a capacity claim' : 'supports no capacity claim'}`,
    ...verdict.can.map((each) => `can be concluded:    ${each}`),
    ...verdict.cannot.map((each) => `cannot be concluded: ${each}`),
  ];
  process.stdout.write(json ? `${JSON.stringify({ ...run, ...verdict })}\n` : `${lines.join('\n')}\n`);
  return verdict.supportsClaim ? exitCodes.pass : exitCodes.invalid;
}
