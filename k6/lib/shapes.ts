import type { Scenario } from 'k6/options';
import { readList, readNumber } from './settings.ts';

type Scenarios = Record<string, Scenario>;

const rate = readNumber('RATE', 20);
const seconds = readNumber('SECONDS', 60);
const warmUpSeconds = readNumber('WARM_UP_SECONDS', 10);
/** The pause between two steps, in which requests of the first step can end. */
const restSeconds = readNumber('REST_SECONDS', 0);
const maxVus = readNumber('VUS', 200);

/** Checks that everything responds. */
export function smoke(): Scenarios {
  return inSequence([{ name: 'smoke', rate: Math.min(rate, 5), seconds: Math.min(seconds, 10) }]);
}

export function average(): Scenarios {
  return inSequence([{ name: 'average', rate, seconds }]);
}

/** One step for each rate of RATES, such as 100,200,300. A rate may be repeated. */
export function ramp(): Scenarios {
  return inSequence(listSteps(readList('RATES') ?? [100, 200, 300]));
}

/** 80 % of CAPACITY, which a breakpoint run found. */
export function sustained(): Scenarios {
  return inSequence([{ name: 'sustained', rate: Math.round(readNumber('CAPACITY', rate) * 0.8), seconds }]);
}

/** 120 % of CAPACITY, which shows how the service refuses load. */
export function stress(): Scenarios {
  return inSequence([{ name: 'stress', rate: Math.round(readNumber('CAPACITY', rate) * 1.2), seconds }]);
}

/** A sudden step to five times the rate, and back. */
export function spike(): Scenarios {
  return inSequence([
    { name: 'before', rate, seconds },
    { name: 'spike', rate: rate * 5, seconds: Math.max(5, Math.round(seconds / 4)) },
    { name: 'after', rate, seconds },
  ]);
}

/** A constant rate for hours, which shows leaks. */
export function soak(): Scenarios {
  return inSequence([{ name: 'soak', rate, seconds: readNumber('SECONDS', 4 * 3600) }]);
}

/** STEPS steps (10) that increase by RATE, or the steps of RATES. The run ends when an objective is broken. */
export function breakpoint(): Scenarios {
  const steps = Array.from({ length: readNumber('STEPS', 10) }, (_, i) => rate * (i + 1));
  return inSequence(listSteps(readList('RATES') ?? steps));
}

/**
 * A closed loop for the curve of throughput over concurrency, which supports no claim about arrivals. CONCURRENCY lists the users
 * of each step, such as 1,2,4,8. Each user sends its next request after THINK_MS (0) on average.
 */
export function concurrency(): Scenarios {
  const counts = readList('CONCURRENCY') ?? [1, 2, 4, 8, 16];
  return inSequence(counts.map((vus, i) => ({ name: `users_${i + 1}_${vus}`, vus, seconds })));
}

function listSteps(rates: readonly number[]): Step[] {
  return rates.map((each, i) => ({ name: `step_${i + 1}_${each}`, rate: each, seconds }));
}

type Step = { name: string; seconds: number } & ({ rate: number } | { vus: number });

/** More iterations than a closed loop can start, so that steps do not share iteration numbers. */
const iterationsPerSecondMax = 10_000;

/**
 * Runs the warm-up, which no objective counts, and then the steps one after the other. FIRST is the number of iterations planned
 * before a step, so that every iteration of the run has its own number.
 */
function inSequence(steps: readonly Step[]): Scenarios {
  const warmUps = steps
    .slice(0, warmUpSeconds > 0 ? 1 : 0)
    .map((step) => ({ ...step, name: 'warm_up', seconds: warmUpSeconds }));
  let startSeconds = 0;
  let first = 0;
  const entries = [...warmUps, ...steps].map((step) => {
    const scenario: Scenario = {
      ...('rate' in step ? arrivals(step.rate) : { executor: 'constant-vus' as const, vus: step.vus }),
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

function arrivals(perSecond: number) {
  const preAllocatedVUs = Math.min(maxVus, Math.max(10, perSecond));
  const executor = 'constant-arrival-rate' as const;
  return { executor, rate: perSecond, timeUnit: '1s', preAllocatedVUs, maxVUs: maxVus };
}
