import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from '../../scripts/lib/paths.ts';

export interface Slo {
  routes: Record<string, { p95Ms: number; p99Ms: number; errorShare: number }>;
  generatorCpuShare: number;
  generatorLatenessP99Ms: number;
  clockDifferenceSeconds: number;
  samplesBeyondPercentile: number;
}

export function readSlo(): Slo {
  return JSON.parse(readFileSync(join(rootFolder, 'capacity_planning', 'slo.json'), 'utf8')) as Slo;
}
