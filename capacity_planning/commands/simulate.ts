import { UserError } from '../../scripts/lib/user-error.ts';
import { countNeeded, defaultPolicy, type ScalingPolicy } from '../lib/scaling-policy.ts';
import { type Simulation, simulate } from '../lib/simulate.ts';
import type { Options } from './options.ts';

const seconds = 3600;

/** Simulates target tracking under a step of load from --from to --to after five minutes. */
export async function runSimulation(options: Options): Promise<number> {
  const capacityPerInstance = readAmount('--capacity', options.capacity);
  const from = readAmount('--from', options.from);
  const to = readAmount('--to', options.to);
  const maxInstances = readAmount('--max', options.max ?? String(defaultPolicy.maxInstances));
  const warmUpSeconds = readAmount('--warm-up', options.warmUp ?? String(defaultPolicy.warmUpSeconds));
  if (!Number.isInteger(maxInstances) || maxInstances < 1 || maxInstances > 10_000) {
    throw new UserError(`Expected --max to be a whole number from 1 to 10000, got ${options.max}.`);
  }
  const policy = { ...defaultPolicy, maxInstances, warmUpSeconds };
  const offered = (second: number) => (second < 300 ? from : to);
  const neededInstances = countNeeded(Math.max(from, to), capacityPerInstance, policy);
  const result = simulate(policy, { capacityPerInstance, seconds, offered });
  const head = 'second\toffered/s\tserving\tstarting\tCPU\tserved';
  const lines = result.periods.map(({ second, offeredPerSecond, serving, starting, cpuShare, servedShare }) => {
    const shares = [cpuShare, servedShare].map((share) => `${Math.round(share * 100)} %`);
    return [second, offeredPerSecond, serving, starting, ...shares].join('\t');
  });
  const text = [head, ...lines, conclude(result, policy, neededInstances)].join('\n');
  process.stdout.write(options.json ? `${JSON.stringify({ ...result, neededInstances })}\n` : `${text}\n`);
  return 0;
}

function conclude({ scaleOutSeconds, periods }: Simulation, policy: ScalingPolicy, needed: number): string {
  const last = periods.at(-1)?.serving;
  if (needed > policy.maxInstances) {
    return `not enough instances: ${needed} needed, the maximum is ${policy.maxInstances}; ${last} at the end`;
  }
  if (periods.every(({ cpuShare }) => cpuShare <= policy.targetShare)) {
    return `no scale-out: CPU never exceeded the target; ${last} at the end`;
  }
  if (scaleOutSeconds === null) {
    return `not enough instances within ${seconds} s: ${needed} needed; ${last} at the end`;
  }
  return `enough instances after ${scaleOutSeconds} s: ${needed} needed; ${last} at the end`;
}

function readAmount(name: string, text: string | undefined): number {
  const value = Number(text);
  if (text !== undefined && value > 0 && Number.isFinite(value)) return value;
  throw new UserError(`Expected ${name} to be a number above 0, got ${text ?? 'nothing'}.`);
}
