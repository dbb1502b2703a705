/** Returns a reader of FFmpeg's `-progress` output, `key=value` lines in arbitrary chunks. Reports each new percentage below 100. */
export function openProgressReader(seconds: number, onPercent: (percent: number) => void): (chunk: string) => void {
  let rest = '';
  let reported = 0;
  return (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = (lines.pop() ?? '').slice(-256);
    for (const line of lines) {
      const [, microseconds] = /^out_time_us=(\d+)/.exec(line) ?? [];
      if (microseconds === undefined) continue;
      const percent = Math.min(99, Math.floor(Number(microseconds) / 1e4 / Math.max(seconds, 0.01)));
      if (percent > reported) {
        reported = percent;
        onPercent(percent);
      }
    }
  };
}

/** Returns CPU time and peak memory from the output of `-benchmark`, or zeros when they are missing. */
export function readCost(errors: string): { cpuSeconds: number; peakBytes: number } {
  const times = [...errors.matchAll(/bench: utime=([\d.]+)s stime=([\d.]+)s/g)].at(-1);
  const memory = [...errors.matchAll(/bench: maxrss=(\d+)(?:kB|KiB)/g)].at(-1);
  const cpuSeconds = Number(times?.[1] ?? 0) + Number(times?.[2] ?? 0);
  return { cpuSeconds: Math.round(cpuSeconds * 1000) / 1000, peakBytes: Number(memory?.[1] ?? 0) * 1024 };
}
