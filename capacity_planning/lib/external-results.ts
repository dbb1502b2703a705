/** What a file of another tool says about one route; undefined is what it does not say. */
export interface ExternalRoute {
  name: string;
  samples: number;
  failures: number;
  meanMs: number | undefined;
  p95Ms: number | undefined;
  p99Ms: number | undefined;
}

export interface ExternalRun {
  format: string;
  routes: ExternalRoute[];
  /** Over the whole run. */
  perSecond: number | undefined;
  /** Users of a closed loop, where the file tells. */
  users: number | undefined;
  /** Undefined where the file cannot tell. */
  dropped: number | undefined;
}

export interface ExternalVerdict {
  supportsClaim: boolean;
  can: string[];
  cannot: string[];
  /** What is missing, and no obstacle. */
  notes: string[];
}

const samplesForP99 = 1000;
const samplesForP95 = 200;
const littleShare = 0.1;
/** Users who wait for longer than they pause ask less of a slower service. */
const waitShareMax = 0.5;

/**
 * What can and what cannot be concluded. A capacity claim needs tails, enough samples, successes, and load that does not
 * ease off when the service is slow: arrivals at a rate, or users who mostly pause.
 */
export function judgeExternalResults({ routes, perSecond, users, dropped }: ExternalRun): ExternalVerdict {
  const samples = routes.reduce((sum, route) => sum + route.samples, 0);
  const failures = routes.reduce((sum, route) => sum + route.failures, 0);
  const can: string[] = [];
  const cannot: string[] = [];
  const notes: string[] = [];
  if (samples === 0) cannot.push('Nothing: the file has no request.');
  for (const route of routes) judgeRoute(route, can, cannot, notes);
  if (samples > 0 && failures / samples > 0.01) {
    cannot.push(
      `Capacity: ${percent(failures / samples)} of all requests failed, and a refusal costs less than an answer.`,
    );
  }
  judgeLoop({ routes, perSecond, users }, can, cannot);
  if (dropped !== undefined && dropped > 0) {
    cannot.push(`The offered rate: ${dropped} iterations were dropped, so that the slowest moments are missing.`);
  }
  if (users === undefined && dropped === undefined) {
    cannot.push('Whether load was offered at a rate or by a loop that waits for answers: the file does not tell.');
  }
  return { supportsClaim: cannot.length === 0, can, cannot, notes };
}

function judgeRoute(
  { name, samples, failures, meanMs, p95Ms, p99Ms }: ExternalRoute,
  can: string[],
  cannot: string[],
  notes: string[],
): void {
  if (samples === 0) return;
  if (failures === samples) {
    cannot.push(`${name}: only ever failed (${samples} of ${samples}); its latencies are those of a refusal.`);
    return;
  }
  if (p95Ms === undefined && p99Ms === undefined) {
    cannot.push(
      `${name}: an average${meanMs === undefined ? '' : ` of ${meanMs.toFixed(1)} ms`} without tails says nothing about the slow ones.`,
    );
    return;
  }
  if (samples < samplesForP95)
    cannot.push(`${name}: ${samples} samples are too few for p95 (${samplesForP95} needed).`);
  else if (p95Ms !== undefined) can.push(`${name}: p95 was ${p95Ms.toFixed(1)} ms over ${samples} samples.`);
  if (samples >= samplesForP99 && p99Ms !== undefined) can.push(`${name}: p99 was ${p99Ms.toFixed(1)} ms.`);
  else if (samples >= samplesForP99) notes.push(`${name}: the file tells no p99.`);
  else if (samples >= samplesForP95) notes.push(`${name}: no p99, which needs ${samplesForP99} samples.`);
}

/** Little's law: requests under way = throughput x latency. As many as users means that nobody ever paused. */
function judgeLoop(
  { routes, perSecond, users }: Pick<ExternalRun, 'routes' | 'perSecond' | 'users'>,
  can: string[],
  cannot: string[],
): void {
  if (users === undefined || perSecond === undefined) return;
  const timed = routes.filter(({ meanMs }) => meanMs !== undefined);
  const samples = timed.reduce((sum, route) => sum + route.samples, 0);
  if (samples === 0) return;
  const meanMs = timed.reduce((sum, route) => sum + (route.meanMs ?? 0) * route.samples, 0) / samples;
  const waitShare = (perSecond * meanMs) / 1000 / users;
  if (Math.abs(waitShare - 1) <= littleShare) {
    cannot.push(
      `How the service scales: throughput = users / latency (${perSecond.toFixed(1)}/s = ${users} users / ${meanMs.toFixed(1)} ms): a saturated closed loop, in which a slower service is asked less.`,
    );
  } else if (waitShare > waitShareMax) {
    cannot.push(
      `What arrivals would get: ${users} users waited for answers ${percent(waitShare)} of their time, so that a slower service is asked less.`,
    );
  } else {
    can.push(`${users} users at once were served ${perSecond.toFixed(1)} requests a second, with pauses of their own.`);
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
