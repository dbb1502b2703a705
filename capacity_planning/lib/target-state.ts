import { describeError } from '../../scripts/lib/describe-error.ts';
import { UserError } from '../../scripts/lib/user-error.ts';
import type { TargetState } from './report-schema.ts';

const timeoutMs = 5_000;

/** What can be known of the instances from outside: builds and starts by their metrics, the clock by the Date of an answer. */
export async function readTargetState(baseUrl: string, metricsUrls: readonly string[]): Promise<TargetState> {
  const instances = await Promise.all(metricsUrls.map(readInstance));
  return { instances, clockDifferenceSeconds: await readClockDifference(baseUrl) };
}

async function readInstance(url: string): Promise<TargetState['instances'][number]> {
  const answer = await ask(url);
  const text = await answer.text();
  const startedAtSeconds = Number(/^process_start_time_seconds (\S+)$/m.exec(text)?.[1] ?? Number.NaN);
  const build = /^competition_build_info\{(.*)\} 1$/m.exec(text)?.[1];
  if (!answer.ok || build === undefined || Number.isNaN(startedAtSeconds)) {
    throw new Error(`Expected ${url} to tell the build and the start of an instance, got ${answer.status}`);
  }
  return { url, startedAtSeconds, build };
}

/** Positive where the target is ahead. A Date has whole seconds: the middle of the second is the best guess. */
async function readClockDifference(baseUrl: string): Promise<number | null> {
  const askedAt = Date.now();
  const answer = await ask(`${baseUrl}/`);
  await answer.arrayBuffer();
  const date = Date.parse(answer.headers.get('date') ?? '');
  return Number.isNaN(date) ? null : (date + 500 - (askedAt + Date.now()) / 2) / 1000;
}

/** fetch itself says that it failed, not where. */
async function ask(url: string): Promise<Response> {
  try {
    return await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    const { cause = error } = error as Error;
    throw new UserError(`Expected ${url} to answer, got: ${describeError(cause)}.`);
  }
}
