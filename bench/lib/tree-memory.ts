import { listTrees } from '../../scripts/lib/processes.ts';

const sampleMs = 250;
const pageMiB = 4 / 1024;

/** Samples the resident memory of a process and its descendants; `stop` returns the highest sample in MiB. */
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
  return listTrees([root]).reduce((sum, { residentPages }) => sum + residentPages * pageMiB, 0);
}
