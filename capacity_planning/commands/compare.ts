import { UserError } from '../../scripts/lib/user-error.ts';
import { compareReports, type Difference, findIncomparable, findUnreached, renderDifferences } from '../lib/compare.ts';
import { readReport } from '../lib/read-report.ts';
import type { CapacityReport } from '../lib/report-schema.ts';
import { exitCodes, type Options } from './options.ts';

/** Prints by how much two runs differ. */
export async function compare(a: string, b: string, options: Options): Promise<number> {
  const reports = [readReport(a), readReport(b), ...options.baselineRepeats.map(readReport)];
  const faults = listIncomparable(reports);
  if (faults.length > 0) return refuse(faults);
  for (const text of listInvalid(reports)) process.stderr.write(`${text}: its figures are not a capacity\n`);
  print(compareAll(reports), options);
  return exitCodes.pass;
}

/** Fails if a figure got worse by more than any two runs of the same build differ. */
export async function gate(a: string, b: string, options: Options): Promise<number> {
  if (options.baselineRepeats.length < 2) {
    throw new UserError(
      'Expected --baseline-repeat DIR at least twice, with runs of the same build: they measure the noise.',
    );
  }
  const [from, to] = [readReport(a), readReport(b)];
  const reports = [from, to, ...options.baselineRepeats.map(readReport)];
  const faults = [...listIncomparable(reports), ...listInvalid(reports), ...listTwice(reports.slice(2))];
  if (faults.length > 0) return refuse(faults);
  const differences = compareAll(reports);
  const unknown = new Set(differences.filter(({ noise }) => noise === undefined).map(({ step }) => step));
  if (unknown.size > 0) return refuse([...unknown].map((step) => `${step} is not in two of the baseline repeats`));
  print(differences, options);
  const unreached = findUnreached(from, to);
  for (const step of unreached) process.stderr.write(`WORSE: step ${step} was not reached\n`);
  const isWorse = unreached.length > 0 || differences.some(({ isRegression }) => isRegression);
  return isWorse ? exitCodes.regression : exitCodes.pass;
}

function compareAll([a, b, ...same]: readonly CapacityReport[]): Difference[] {
  if (a === undefined || b === undefined) throw new Error('Expected two reports');
  return compareReports(a, b, same);
}

function listIncomparable([a, ...others]: readonly CapacityReport[]): string[] {
  return a === undefined ? [] : [...new Set(others.flatMap((other) => findIncomparable(a, other)))];
}

function listInvalid(reports: readonly CapacityReport[]): string[] {
  return reports
    .filter(({ judgement }) => judgement.verdict === 'INVALID')
    .map(({ name, startedAt }) => `${name} of ${startedAt} is INVALID`);
}

/** A run given twice would show no noise. */
function listTwice(same: readonly CapacityReport[]): string[] {
  const starts = same.map(({ startedAt }) => startedAt);
  return same
    .filter(({ startedAt }, i) => starts.indexOf(startedAt) < i)
    .map(({ name, startedAt }) => `${name} of ${startedAt} is given by --baseline-repeat twice`);
}

function print(differences: readonly Difference[], { json }: Options): void {
  process.stdout.write(json ? `${JSON.stringify(differences)}\n` : `${renderDifferences(differences)}\n`);
}

function refuse(faults: readonly string[]): number {
  process.stderr.write(`${faults.map((fault) => `INVALID: ${fault}`).join('\n')}\n`);
  return exitCodes.invalid;
}
