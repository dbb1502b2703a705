import { levenbergMarquardt } from 'ml-levenberg-marquardt';
import { createRandom } from '../../k6/engine/random.ts';
import { percentile } from '../../scripts/lib/statistics.ts';
import type { UslModel } from './report-schema.ts';

export interface LoadPoint {
  /** Users of a closed loop, or the mean of requests in flight. */
  concurrency: number;
  perSecond: number;
}

interface Coefficients {
  lambda: number;
  sigma: number;
  kappa: number;
}

const resamplings = 200;
/** Three coefficients fit any three points exactly. */
const leastPoints = 4;
/** A curve with a larger error does not describe the values between and beyond its points. */
export const rmsLimit = 0.05;
/** The share of the knee that must have been measured, so that the knee is not an extrapolation. */
const seenShare = 0.8;

/**
 * Fits the Universal Scalability Law: X(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1)). The knee is the peak of the curve
 * or, if throughput only flattens (kappa = 0), the point at 90 % of the asymptote. Its 95 % interval comes from fits to
 * resampled residuals. Returns undefined for too few points, and no knee if the fit is bad or no saturation was observed.
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
 * Fits N / X(N), which is linear in 1 / lambda, sigma / lambda and kappa / lambda, so that the fit converges. Each point is
 * divided by its measured value, so that errors are relative (the library's documentation of its weights contradicts itself).
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
    fitOptions,
  );
  const [one = 1, linear = 0, square = 0] = parameterValues;
  return { lambda: 1 / (one * scale), sigma: linear / most / one, kappa: square / most ** 2 / one };
}

const fitOptions = {
  initialValues: [1, 0.1, 0.1],
  minValues: [1e-9, 0, 0],
  damping: 1e-4,
  gradientDifference: 1e-6,
  maxIterations: 300,
  errorTolerance: 1e-12,
};

/** The share of the asymptote at which a curve without a peak has its knee. */
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

/** Compares the knee predicted from every other point with the highest throughput of the remaining points. */
export function predictFromHalf(points: readonly LoadPoint[]): { predicted: number; measured: number } | null {
  const knee = fitUsl(points.filter((_, i) => i % 2 === 0))?.knee;
  const others = points.filter((_, i) => i % 2 === 1).map(({ perSecond }) => perSecond);
  return knee === undefined || knee === null || others.length === 0
    ? null
    : { predicted: knee.perSecond, measured: Math.max(...others) };
}
