import { describeError } from './describe-error.ts';

/**
 * Runs a command's main function: its result is the exit code, its failure one sentence on standard error. `--help` prints
 * `usage` and nothing else; an unknown option prints it behind the sentence.
 */
export async function runCommand(usage: string, main: () => Promise<number>): Promise<void> {
  if (process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')) {
    process.stdout.write(`${usage}\n`);
    return;
  }
  try {
    process.exitCode = await main();
  } catch (error) {
    process.stderr.write(`${describeError(error)}\n${isAskedWrongly(error) ? `${usage}\n` : ''}`);
    process.exitCode = 2;
  }
}

function isAskedWrongly(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}
