import { UserError } from '../../scripts/lib/user-error.ts';
import { defaultLaw } from '../lib/scaling-law.ts';
import { simulate } from '../lib/simulate.ts';
import type { Options } from './options.ts';

const seconds = 3600;

/** A step of load from --from to --to after five minutes, and what target tracking makes of it. */
export async function runSimulation(options: Options): Promise<number> {
  const capacityPerInstance = readAmount('--capacity', options.capacity);
  const from = readAmount('--from', options.from);
  const to = readAmount('--to', options.to);
  const maxInstances = readAmount('--max', options.max ?? String(defaultLaw.maxInstances));
  const warmUpSeconds = readAmount('--warm-up', options.warmUp ?? String(defaultLaw.warmUpSeconds));
  if (!Number.isInteger(maxInstances) || maxInstances < 1 || maxInstances > 10_000) {
    throw new UserError(`Expected --max to be a whole number from 1 to 10000, got ${options.max}.`);
  }
  const result = simulate(
    { ...defaultLaw, maxInstances, warmUpSeconds },
    { capacityPerInstance, seconds, offered: (second) => (second < 300 ? from : to) },
  );
  const lines = result.periods.map(({ second, offeredPerSecond, serving, starting, cpuShare, servedShare }) =>
    [
      second,
      offeredPerSecond,
      serving,
      starting,
      `${Math.round(cpuShare * 100)} %`,
      `${Math.round(servedShare * 100)} %`,
    ].join('\t'),
  );
  const end =
    result.scaleOutSeconds === null ? 'never enough instances' : `enough instances after ${result.scaleOutSeconds} s`;
  const text = [
    'second\toffered/s\tserving\tstarting\tCPU\tserved',
    ...lines,
    `${end}, ${result.mostInstances} at most`,
  ].join('\n');
  process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${text}\n`);
  return 0;
}

function readAmount(name: string, text: string | undefined): number {
  const value = Number(text);
  if (text !== undefined && value > 0) return value;
  throw new UserError(`Expected ${name} to be a number above 0, got ${text ?? 'nothing'}.`);
}
