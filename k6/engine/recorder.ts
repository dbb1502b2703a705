import type { ScenarioCount, ThreadCpu, ThreadEvent } from './messages.ts';
import type { Series } from './samples.ts';

/** All requests in columns. Times are in milliseconds, and starts count from the start of the run. */
export interface RequestColumns {
  scenarios: string[];
  names: string[];
  scenario: number[];
  name: number[];
  startMs: number[];
  durationMs: number[];
  failed: number[];
}

export interface CpuMoment {
  atMs: number;
  /** The share of a core that one thread used. */
  share: number;
  /** The share of time that the thread waited for a core. */
  waitShare: number;
}

type Progress = Extract<ThreadEvent, { kind: 'progress' }>;

/** Collects every request and the generator's CPU time from the threads. */
export function createRecorder(startAt: number) {
  const requests: RequestColumns = {
    scenarios: [],
    names: [],
    scenario: [],
    name: [],
    startMs: [],
    durationMs: [],
    failed: [],
  };
  const cpu: CpuMoment[] = [];
  const lastCpu = new Map<number, { at: number; cpu: ThreadCpu }>();
  const counts = new Map<number, Record<string, ScenarioCount>>();
  return {
    requests,
    cpu,
    add(thread: number, progress: Progress): void {
      counts.set(thread, progress.counts);
      for (const series of progress.series) if (series.metric === 'http_req_duration') addRequests(series);
      addCpu(thread, progress);
    },
    /** Sums the counts of all threads. */
    sumCounts(scenario: string): ScenarioCount {
      const sum = { started: 0, completed: 0, dropped: 0, interrupted: 0, failed: 0, active: 0, vusPeak: 0 };
      for (const each of counts.values()) {
        for (const name of Object.keys(sum) as (keyof ScenarioCount)[]) sum[name] += each[scenario]?.[name] ?? 0;
      }
      return sum;
    },
  };

  function addRequests({ tags, values, at }: Series): void {
    if (tags['scenario'] === '') return;
    const scenario = indexOf(requests.scenarios, tags['scenario'] ?? '');
    const name = indexOf(requests.names, tags['name'] ?? '');
    const failed = tags['expected_response'] === 'true' ? 0 : 1;
    for (const [i, value] of values.entries()) {
      requests.scenario.push(scenario);
      requests.name.push(name);
      requests.startMs.push(Math.round((at[i] ?? 0) - startAt));
      requests.durationMs.push(Number(value.toFixed(2)));
      requests.failed.push(failed);
    }
  }

  function addCpu(thread: number, { at, cpu: read }: Progress): void {
    if (read === undefined) return;
    const last = lastCpu.get(thread);
    if (last !== undefined && at - last.at < 900) return;
    lastCpu.set(thread, { at, cpu: read });
    if (last === undefined || at <= startAt) return;
    const share = (read.usedMs - last.cpu.usedMs) / (at - last.at);
    const waitShare = (read.waitedMs - last.cpu.waitedMs) / (at - last.at);
    cpu.push({
      atMs: Math.round(at - startAt),
      share: Number(share.toFixed(3)),
      waitShare: Number(waitShare.toFixed(3)),
    });
  }
}

function indexOf(list: string[], value: string): number {
  const found = list.indexOf(value);
  return found >= 0 ? found : list.push(value) - 1;
}
