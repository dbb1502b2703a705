import { levenbergMarquardt } from 'ml-levenberg-marquardt';
import { createRandom } from '../../k6/engine/random.ts';
import { percentile } from '../../scripts/lib/statistics.ts';
import type { UslModel } from './report-schema.ts';

export interface LoadPoint {
  /** Users of a closed loop, or requests under way on average. */
  concurrency: number;
  perSecond: number;
}

interface Coefficients {
  lambda: number;
  sigma: number;
  kappa: number;
}

const resamplings = 200;
/** Three coefficients go through three points exactly. */
const leastPoints = 4;
/** A curve that misses its points by more says nothing about what lies between and beyond them. */
export const rmsLimit = 0.05;
/** Of the ceiling that the curve promises, what must have been seen for it to be more than a promise. */
const seenShare = 0.8;

/**
 * Universal Scalability Law: X(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1)). The knee is its peak, or where nothing
 * turns back (kappa = 0) the point at which nine tenths of what it comes ever closer to are reached; the interval (95 %) comes
 * from fits to resampled residuals. Undefined for too few points; without a knee where the fit is bad or the curve has not bent yet.
 */
export function fitUsl(points: readonly LoadPoint[]): UslModel | undefined {
  const usable = points.filter(({ concurrency, perSecond }) => concurrency > 0 && perSecond > 0);
  if (usable.length < leastPoints) return undefined;
  const fitted = fit(usable);
  const residuals = usable.map((point) => point.perSecond / predict(fitted, point.concurrency) - 1);
  const rmsShare = Math.sqrt(residuals.reduce((sum, each) => sum + each * each, 0) / residuals.length);
  const highest = usable.reduce((best, point) => (point.perSecond > best.perSecond ? point : best));
  const knee = findKnee(fitted);
  const isBad = !(rmsShare <= rmsLimit);
  const isUnseen = knee === undefined || highest.perSecond < seenShare * knee.perSecond;
  return {
    ...fitted,
    points: usable.length,
    rmsShare,
    atLeastPerSecond: highest.perSecond,
    withheld: isBad ? 'bad-fit' : isUnseen ? 'no-peak-observed' : null,
    knee: isBad || isUnseen ? null : { ...knee, ...bootstrap(usable, fitted, residuals, knee.perSecond) },
  };
}

export function predict({ lambda, sigma, kappa }: Coefficients, concurrency: number): number {
  return (lambda * concurrency) / (1 + sigma * (concurrency - 1) + kappa * concurrency * (concurrency - 1));
}

/**
 * N / X(N) is linear in 1 / lambda, sigma / lambda and kappa / lambda, where a fit cannot go astray. Each point is divided by
 * what was measured there, so that errors count relative to it (the library's own weights contradict each other).
 */
function fit(points: readonly LoadPoint[]): Coefficients {
  const most = Math.max(...points.map(({ concurrency }) => concurrency));
  const scale = Math.min(...points.map(({ concurrency, perSecond }) => concurrency / perSecond));
  const { parameterValues } = levenbergMarquardt(
    { x: points.map((_, i) => i), y: points.map(() => 1) },
    ([one = 0, linear = 0, square = 0]: number[]) =>
      (i: number) => {
        const { concurrency = 1, perSecond = 1 } = points[i] ?? {};
        const line = one + (linear * (concurrency - 1)) / most + (square * concurrency * (concurrency - 1)) / most ** 2;
        return (line * scale * perSecond) / concurrency;
      },
    {
      initialValues: [1, 0.1, 0.1],
      minValues: [1e-9, 0, 0],
      damping: 1e-4,
      gradientDifference: 1e-6,
      maxIterations: 300,
      errorTolerance: 1e-12,
    },
  );
  const [one = 1, linear = 0, square = 0] = parameterValues;
  return { lambda: 1 / (one * scale), sigma: linear / most / one, kappa: square / most ** 2 / one };
}

/** Of the ceiling of a curve that only ever flattens. */
const flatShare = 0.9;

function findKnee(fitted: Coefficients): { concurrency: number; perSecond: number } | undefined {
  const { sigma, kappa } = fitted;
  if (kappa > 1e-7) {
    const concurrency = Math.max(1, Math.sqrt((1 - sigma) / kappa));
    return { concurrency, perSecond: predict(fitted, concurrency) };
  }
  if (sigma < 1e-4) return undefined;
  const concurrency = ((1 - sigma) / sigma) * (flatShare / (1 - flatShare));
  return { concurrency, perSecond: predict(fitted, concurrency) };
}

function bootstrap(points: readonly LoadPoint[], fitted: Coefficients, residuals: readonly number[], knee: number) {
  const random = createRandom(points.length);
  const knees = Array.from({ length: resamplings }, () => {
    const resampled = points.map(({ concurrency }) => {
      const residual = residuals[Math.floor(random() * residuals.length)] ?? 0;
      return { concurrency, perSecond: predict(fitted, concurrency) * (1 + residual) };
    });
    return findKnee(fit(resampled))?.perSecond ?? Number.POSITIVE_INFINITY;
  }).filter(Number.isFinite);
  return {
    lowPerSecond: Math.min(knee, percentile(knees, 0.025)),
    highPerSecond: Math.max(knee, percentile(knees, 0.975)),
  };
}

/** What half of the steps predicts, against the highest throughput of the others: whether the curve may be trusted beyond its points. */
export function predictFromHalf(points: readonly LoadPoint[]): { predicted: number; measured: number } | null {
  const knee = fitUsl(points.filter((_, i) => i % 2 === 0))?.knee;
  const others = points.filter((_, i) => i % 2 === 1).map(({ perSecond }) => perSecond);
  return knee === undefined || knee === null || others.length === 0
    ? null
    : { predicted: knee.perSecond, measured: Math.max(...others) };
}
