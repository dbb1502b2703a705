import { readdirSync, readFileSync } from 'node:fs';

const sampleMs = 250;
const pageMiB = 4 / 1024;

/** The most that a process and all that descend from it were seen to hold at one moment, in MiB. */
export function sampleMemory(pid: number): { stop(): number } {
  let peak = 0;
  const look = () => {
    peak = Math.max(peak, readTreeMiB(pid));
  };
  const timer = setInterval(look, sampleMs);
  return {
    stop() {
      clearInterval(timer);
      look();
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
  const isOurs = (pid: number): boolean =>
    pid === root || (resident.has(pid) && isOurs(resident.get(pid)?.parent ?? 0));
  return [...resident].filter(([pid]) => isOurs(pid)).reduce((sum, [, { MiB }]) => sum + MiB, 0);
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
