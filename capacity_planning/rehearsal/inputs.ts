import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from '../../scripts/lib/paths.ts';

export interface InstanceType {
  hour: number;
  vCpus: number;
  /** The share of a burstable vCPU that is always available; 1 for other types. */
  baselineSharePerVcpu: number;
  creditsPerHour: number | null;
  /** The price of a vCPU hour beyond the earned credits, for a type in unlimited mode. */
  surplusVcpuHour: number;
  networkBaselineGbps: number;
  networkBurstGbps: number;
}

export interface Prices {
  asOf: string;
  source: string;
  instanceTypes: Record<string, InstanceType>;
  balancer: { hour: number; capacityUnitHour: number };
  s3: { putsPer1000: number; gigabyteMonth: number };
}

export interface Demand {
  asOf: string;
  source: string;
  instanceType: string;
  peakRequestsPerSecond: number;
  peakUploadsPerMinute: number;
  uploadMegabytes: number;
  growthPerMonth: number;
  playableWithinMinutes: number;
  videosOfABurst: number;
}

export function readPrices(): Prices {
  return JSON.parse(readFileSync(join(rootFolder, 'capacity_planning', 'prices.json'), 'utf8')) as Prices;
}

export function readDemand(): Demand {
  return JSON.parse(readFileSync(join(rootFolder, 'capacity_planning', 'demand.json'), 'utf8')) as Demand;
}
