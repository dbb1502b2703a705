import { readdirSync, readFileSync } from 'node:fs';

const sampleMs = 250;
const pageMiB = 4 / 1024;

/** Samples the resident memory of a process and its descendants; `stop` returns the highest sum, in MiB. */
export function sampleMemory(pid: number): { stop(): number } {
  let peak = 0;
  const sample = () => {
    peak = Math.max(peak, readTreeMiB(pid));
  };
  const timer = setInterval(sample, sampleMs);
  return {
    stop() {
      clearInterval(timer);
      sample();
      return peak;
    },
  };
}

function readTreeMiB(root: number): number {
  const resident = new Map<number, { parent: number; MiB: number }>();
  for (const entry of readdirSync('/proc')) {
    const found = /^\d+$/.test(entry) ? readProcess(entry) : undefined;
    if (found !== undefined) resident.set(Number(entry), found);
  }
  const descends = (pid: number): boolean =>
    pid === root || (resident.has(pid) && descends(resident.get(pid)?.parent ?? 0));
  return [...resident].filter(([pid]) => descends(pid)).reduce((sum, [, { MiB }]) => sum + MiB, 0);
}

function readProcess(pid: string): { parent: number; MiB: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[1]), MiB: Number(fields[21]) * pageMiB };
  } catch {
    return undefined;
  }
}
