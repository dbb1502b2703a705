import { readFileSync, statSync } from 'node:fs';
import { describeError } from '../../scripts/lib/describe-error.ts';
import { UserError } from '../../scripts/lib/user-error.ts';
import { type ExternalRun, judgeExternalResults } from '../lib/external-results.ts';
import { readExternalResults } from '../lib/read-external-results.ts';
import { exitCodes, type Options } from './options.ts';

/** Prints which conclusions another tool's file supports. Returns 0 only if it supports a capacity claim. */
export async function judgeFile(path: string, { json }: Options): Promise<number> {
  const run = readFile(path);
  const verdict = judgeExternalResults(run);
  const lines = [
    `${run.format}: ${verdict.supportsClaim ? 'supports a capacity claim' : 'supports no capacity claim'}`,
    ...verdict.can.map((each) => `can be concluded:    ${each}`),
    ...verdict.cannot.map((each) => `cannot be concluded: ${each}`),
    ...verdict.notes.map((each) => `note:                ${each}`),
  ];
  process.stdout.write(json ? `${JSON.stringify({ ...run, ...verdict })}\n` : `${lines.join('\n')}\n`);
  return verdict.supportsClaim ? exitCodes.pass : exitCodes.invalid;
}

/** Adds the file's name to the parsers' errors. */
function readFile(path: string): ExternalRun {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
    throw new UserError(`Expected ${path} to be a file, got none.`);
  }
  try {
    return readExternalResults(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UserError(`${path}: ${describeError(error)}`);
  }
}
