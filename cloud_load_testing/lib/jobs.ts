export interface JobCounts {
  processed: number;
  failed: number;
  perMinute: { minute: string; count: number }[];
}

/** Counts the worker's log messages `video processed` and `video failed`, and ignores all others. */
export function readJobs(events: readonly { timestamp: number; message: string }[]): JobCounts {
  const ends = events.map(({ timestamp, message }) => ({ timestamp, end: readMessage(message) }));
  const processed = ends.filter(({ end }) => end === 'video processed');
  const minutes = new Map<string, number>();
  for (const { timestamp } of processed) {
    const minute = `${new Date(timestamp).toISOString().slice(0, 16)}Z`;
    minutes.set(minute, (minutes.get(minute) ?? 0) + 1);
  }
  return {
    processed: processed.length,
    failed: ends.filter(({ end }) => end === 'video failed').length,
    perMinute: [...minutes].sort().map(([minute, count]) => ({ minute, count })),
  };
}

function readMessage(line: string): unknown {
  try {
    return (JSON.parse(line) as { msg?: unknown }).msg;
  } catch {
    return undefined;
  }
}
