import { describeError } from './describe-error.ts';

/**
 * Runs a command's main function, which returns the exit code. Prints its error as one sentence on standard error. `--help` prints only
 * `usage`; an unknown option prints the error and `usage`.
 */
export async function runCommand(usage: string, main: () => Promise<number>): Promise<void> {
  if (process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')) {
    process.stdout.write(`${usage}\n`);
    return;
  }
  try {
    process.exitCode = await main();
  } catch (error) {
    process.stderr.write(`${describeError(error)}\n${isUsageError(error) ? `${usage}\n` : ''}`);
    process.exitCode = 2;
  }
}

function isUsageError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}
