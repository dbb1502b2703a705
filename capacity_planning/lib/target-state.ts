import { describeError } from '../../scripts/lib/describe-error.ts';
import { UserError } from '../../scripts/lib/user-error.ts';
import type { TargetState } from './report-schema.ts';

const timeoutMs = 5_000;

/** Reads builds and start times from the instances' metrics, and the clock from the Date of a response. */
export async function readTargetState(baseUrl: string, metricsUrls: readonly string[]): Promise<TargetState> {
  const instances = await Promise.all(metricsUrls.map(readInstance));
  return { instances, clockDifferenceSeconds: await readClockDifference(baseUrl) };
}

async function readInstance(url: string): Promise<TargetState['instances'][number]> {
  const response = await request(url);
  const text = await response.text();
  const startedAtSeconds = Number(/^process_start_time_seconds (\S+)$/m.exec(text)?.[1] ?? Number.NaN);
  const build = /^competition_build_info\{(.*)\} 1$/m.exec(text)?.[1];
  if (!response.ok || build === undefined || Number.isNaN(startedAtSeconds)) {
    throw new Error(`Expected ${url} to report the build and the start time of an instance, got ${response.status}`);
  }
  return { url, startedAtSeconds, build };
}

/** Returns a positive value if the target is ahead. A Date has whole seconds, so its middle is compared. */
async function readClockDifference(baseUrl: string): Promise<number | null> {
  const sentAt = Date.now();
  const response = await request(`${baseUrl}/`);
  await response.arrayBuffer();
  const date = Date.parse(response.headers.get('date') ?? '');
  return Number.isNaN(date) ? null : (date + 500 - (sentAt + Date.now()) / 2) / 1000;
}

/** Adds the URL to fetch's error. */
async function request(url: string): Promise<Response> {
  try {
    return await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    const { cause = error } = error as Error;
    throw new UserError(`Expected ${url} to respond, got: ${describeError(cause)}.`);
  }
}
