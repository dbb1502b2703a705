import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../../../scripts/lib/wait.ts';
import { checkInvariants } from '../../../scripts/ops/invariants/check-all.ts';
import type { LedgerEntry } from '../../../scripts/ops/invariants/ledger.ts';
import { openLog } from '../../../src/log.ts';
import { videoQueue } from '../../../src/queue/video-queue.ts';
import { sweepOnce } from '../../../worker/sweep.ts';
import type { Environment } from '../../support/environment.ts';
import { request } from '../../support/http.ts';
import type { RunningService } from '../../support/service.ts';

/** Options of an environment of the fault tests: a sweep must find what was left a moment ago. */
export const faultEnvironment = { isCrashTest: true, values: { SWEEP_GRACE_SECONDS: '1', LOG_LEVEL: 'warn' } };

/** A grace period, in seconds, that everything has outlived: nothing is in progress any more. */
const allIsOld = -60;
/** The object store may still be at work on what a killed process or a cut connection sent last. */
const storeMs = 500;

export interface Settled {
  /** What a sweep repaired, by kind. */
  swept: Record<string, number>;
  breaks: string[];
}

/** Waits until nothing runs, sweeps twice, and checks the invariants. */
export async function settle(
  environment: Environment,
  services: readonly RunningService[],
  ledger: readonly LedgerEntry[],
): Promise<Settled> {
  for (const service of services) await untilIdle(service);
  await sleep(storeMs);
  const { sql, objects } = environment;
  const config = { ...environment.config, sweepGraceSeconds: allIsOld };
  const producer = videoQueue.openProducer(config.redisUrl);
  const swept: Record<string, number> = {};
  try {
    const parts = { sql, objects, producer, log: openLog('silent'), graceSeconds: allIsOld };
    for (let pass = 1; pass <= 2; pass += 1) {
      await sweepOnce(parts, false, (kind) => {
        swept[kind] = (swept[kind] ?? 0) + 1;
      });
    }
    const [service] = services;
    const running = service && { baseUrl: service.baseUrl, metricsUrls: liveMetrics(service) };
    const verdicts = await checkInvariants({
      config,
      sql,
      objects,
      producer,
      ledger,
      service: running,
      settleMs: 1_500,
    });
    return { swept, breaks: verdicts.flatMap(({ number, breaks }) => breaks.map((each) => `${number}: ${each}`)) };
  } finally {
    await producer.close();
  }
}

/** Waits until no upload runs or waits and every part buffer is free, in every living process. */
export async function untilIdle(service: RunningService, timeoutMs = 60_000): Promise<void> {
  for (const url of liveMetrics(service)) {
    await waitFor(`no upload to run at ${url}`, async () => (await readHeld(url)) === 0, { timeoutMs });
  }
}

function liveMetrics({ web, metricsUrls }: RunningService): string[] {
  return metricsUrls.web.filter((_, i) => web[i]?.hasExited() === false);
}

async function readHeld(url: string): Promise<number> {
  const { text } = await request(url);
  const held = /^competition_(?:uploads_in_flight|uploads_waiting_for_buffer|part_buffers_in_use) (\d+)$/gm;
  return [...text.matchAll(held)].reduce((sum, [, count]) => sum + Number(count), 0);
}
