import type { Scenario } from 'k6/options';
import { readList, readNumber } from './settings.ts';

type Scenarios = Record<string, Scenario>;

const rate = readNumber('RATE', 20);
const seconds = readNumber('SECONDS', 60);
const warmUpSeconds = readNumber('WARM_UP_SECONDS', 10);
/** Between two steps, so that what waits of one is done before the next. */
const restSeconds = readNumber('REST_SECONDS', 0);
const maxVus = readNumber('VUS', 200);

/** Just enough to see that everything answers. */
export function smoke(): Scenarios {
  return inTurn([{ name: 'smoke', rate: Math.min(rate, 5), seconds: Math.min(seconds, 10) }]);
}

export function average(): Scenarios {
  return inTurn([{ name: 'average', rate, seconds }]);
}

/** RATES is a list such as 100,200,300; one step each, in which a rate may come again. */
export function ramp(): Scenarios {
  return inTurn(listSteps(readList('RATES') ?? [100, 200, 300]));
}

/** At 80 % of CAPACITY, which a breakpoint run has found. */
export function sustained(): Scenarios {
  return inTurn([{ name: 'sustained', rate: Math.round(readNumber('CAPACITY', rate) * 0.8), seconds }]);
}

/** Beyond capacity: what is refused, and how. */
export function stress(): Scenarios {
  return inTurn([{ name: 'stress', rate: Math.round(readNumber('CAPACITY', rate) * 1.2), seconds }]);
}

/** Five times the rate at once, and back. */
export function spike(): Scenarios {
  return inTurn([
    { name: 'before', rate, seconds },
    { name: 'spike', rate: rate * 5, seconds: Math.max(5, Math.round(seconds / 4)) },
    { name: 'after', rate, seconds },
  ]);
}

/** The same rate for long: what leaks shows. */
export function soak(): Scenarios {
  return inTurn([{ name: 'soak', rate, seconds: readNumber('SECONDS', 4 * 3600) }]);
}

/** STEPS steps (10), each RATE higher than the one before, or those of RATES; the run ends when an objective is broken. */
export function breakpoint(): Scenarios {
  const steps = Array.from({ length: readNumber('STEPS', 10) }, (_, i) => rate * (i + 1));
  return inTurn(listSteps(readList('RATES') ?? steps));
}

/**
 * CONCURRENCY is a list such as 1,2,4,8: so many users at a time, each beginning again as soon as it is done and has thought for
 * THINK_MS (0), on average. A closed loop, for the curve of throughput over concurrency: never a claim of what arrives.
 */
export function concurrency(): Scenarios {
  const counts = readList('CONCURRENCY') ?? [1, 2, 4, 8, 16];
  return inTurn(counts.map((vus, i) => ({ name: `users_${i + 1}_${vus}`, vus, seconds })));
}

function listSteps(rates: readonly number[]): Step[] {
  return rates.map((each, i) => ({ name: `step_${i + 1}_${each}`, rate: each, seconds }));
}

type Step = { name: string; seconds: number } & ({ rate: number } | { vus: number });

/** More than users who wait for their answers begin: what each step begins has numbers of its own. */
const iterationsPerSecondMax = 10_000;

/**
 * The warm-up, which no objective counts, and then step after step, at a constant arrival rate or with so many users. FIRST tells
 * a step how many iterations were planned before it, so that iterations can be told apart all through the run.
 */
function inTurn(steps: readonly Step[]): Scenarios {
  const warmUps = steps
    .slice(0, warmUpSeconds > 0 ? 1 : 0)
    .map((step) => ({ ...step, name: 'warm_up', seconds: warmUpSeconds }));
  let startSeconds = 0;
  let first = 0;
  const entries = [...warmUps, ...steps].map((step) => {
    const scenario: Scenario = {
      ...('rate' in step ? arriving(step.rate) : { executor: 'constant-vus' as const, vus: step.vus }),
      duration: `${step.seconds}s`,
      startTime: `${startSeconds}s`,
      gracefulStop: '30s',
      tags: { phase: step.name === 'warm_up' ? 'warm_up' : 'measured' },
      env: { FIRST: String(first) },
    };
    startSeconds += step.seconds + restSeconds;
    first += ('rate' in step ? step.rate : iterationsPerSecondMax) * step.seconds;
    return [step.name, scenario] as const;
  });
  return Object.fromEntries(entries);
}

function arriving(perSecond: number) {
  const preAllocatedVUs = Math.min(maxVus, Math.max(10, perSecond));
  return {
    executor: 'constant-arrival-rate' as const,
    rate: perSecond,
    timeUnit: '1s',
    preAllocatedVUs,
    maxVUs: maxVus,
  };
}
