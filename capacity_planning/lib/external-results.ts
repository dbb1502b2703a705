/** The figures of one route in another tool's file; undefined where the file has none. */
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
  /** The rate over the whole run. */
  perSecond: number | undefined;
  /** Users of a closed loop, if the file reports them. */
  users: number | undefined;
  /** Dropped iterations, if the file reports them. */
  dropped: number | undefined;
}

export interface ExternalVerdict {
  supportsClaim: boolean;
  can: string[];
  cannot: string[];
  /** Missing figures that do not prevent a claim. */
  notes: string[];
}

const samplesForP99 = 1000;
const samplesForP95 = 200;
const littleShare = 0.1;
/** Users who wait longer than they pause send fewer requests to a slower service. */
const waitShareMax = 0.5;

/**
 * Lists what can and what cannot be concluded. A capacity claim needs tails, enough samples, successes, and load that does not
 * decrease when the service is slow: arrivals at a rate, or users who mostly pause.
 */
export function judgeExternalResults({ routes, perSecond, users, dropped }: ExternalRun): ExternalVerdict {
  const samples = routes.reduce((sum, route) => sum + route.samples, 0);
  const failures = routes.reduce((sum, route) => sum + route.failures, 0);
  const can: string[] = [];
  const cannot: string[] = [];
  const notes: string[] = [];
  if (samples === 0) cannot.push('Anything: the file has no request.');
  for (const route of routes) judgeRoute(route, can, cannot, notes);
  if (samples > 0 && failures / samples > 0.01) {
    const failed = percent(failures / samples);
    cannot.push(`Capacity: ${failed} of all requests failed, and a refusal costs less than a success.`);
  }
  judgeLoop({ routes, perSecond, users }, can, cannot);
  if (dropped !== undefined && dropped > 0) {
    cannot.push(`The offered rate: ${dropped} iterations were dropped, so the slowest seconds are missing.`);
  }
  if (users === undefined && dropped === undefined) {
    cannot.push('Whether load was offered at a rate or by a closed loop: the file does not report it.');
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
    cannot.push(`${name}: every request failed (${samples} of ${samples}); the latencies are those of refusals.`);
    return;
  }
  if (p95Ms === undefined && p99Ms === undefined) {
    const mean = meanMs === undefined ? '' : ` of ${meanMs.toFixed(1)} ms`;
    cannot.push(`${name}: an average${mean} without percentiles does not describe slow requests.`);
    return;
  }
  if (samples < samplesForP95)
    cannot.push(`${name}: ${samples} samples are too few for p95 (${samplesForP95} needed).`);
  else if (p95Ms !== undefined) can.push(`${name}: p95 was ${p95Ms.toFixed(1)} ms over ${samples} samples.`);
  if (samples >= samplesForP99 && p99Ms !== undefined) can.push(`${name}: p99 was ${p99Ms.toFixed(1)} ms.`);
  else if (samples >= samplesForP99) notes.push(`${name}: the file has no p99.`);
  else if (samples >= samplesForP95) notes.push(`${name}: no p99, which needs ${samplesForP99} samples.`);
}

/** Little's law: requests in flight = throughput x latency. If they equal the users, no user ever paused. */
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
    const figures = `${perSecond.toFixed(1)}/s = ${users} users / ${meanMs.toFixed(1)} ms`;
    cannot.push(
      `How the service scales: throughput = users / latency (${figures}): a saturated closed loop, which sends fewer requests to a slower service.`,
    );
  } else if (waitShare > waitShareMax) {
    cannot.push(
      `What clients get at a given arrival rate: ${users} users waited for responses ${percent(waitShare)} of their time, so a slower service gets fewer requests.`,
    );
  } else {
    can.push(`${users} users with pauses were served ${perSecond.toFixed(1)} requests per second.`);
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
