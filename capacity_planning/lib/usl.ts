import { levenbergMarquardt } from 'ml-levenberg-marquardt';
import { percentile } from '../../bench/lib/statistics.ts';
import { createRandom } from './random.ts';
import type { UslModel } from './report-schema.ts';

export interface LoadPoint {
  /** Requests under way, on average. */
  inFlight: number;
  perSecond: number;
}

interface Coefficients {
  lambda: number;
  sigma: number;
  kappa: number;
}

const resamplings = 200;
const leastPoints = 4;

/**
 * Universal Scalability Law: X(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1)). The knee is where X is highest; its
 * interval (95 %) comes from fits to resampled residuals. Undefined for too few points to fit three coefficients.
 */
export function fitUsl(points: readonly LoadPoint[]): UslModel | undefined {
  const usable = points.filter(({ inFlight, perSecond }) => inFlight > 0 && perSecond > 0);
  if (usable.length < leastPoints) return undefined;
  const fitted = fit(usable);
  const residuals = usable.map((point) => point.perSecond / predict(fitted, point.inFlight) - 1);
  const rmsShare = Math.sqrt(residuals.reduce((sum, each) => sum + each * each, 0) / residuals.length);
  const highest = usable.reduce((best, point) => (point.perSecond > best.perSecond ? point : best));
  const peak = findPeak(fitted);
  const mostInFlight = Math.max(...usable.map(({ inFlight }) => inFlight));
  // A peak far outside of what was tried is a guess, not a measurement.
  const isSeen = peak !== undefined && peak.inFlight <= 2 * mostInFlight;
  return {
    ...fitted,
    points: usable.length,
    rmsShare,
    atLeastPerSecond: highest.perSecond,
    knee: isSeen ? { ...peak, ...bootstrap(usable, fitted, residuals, peak.perSecond) } : null,
  };
}

export function predict({ lambda, sigma, kappa }: Coefficients, inFlight: number): number {
  return (lambda * inFlight) / (1 + sigma * (inFlight - 1) + kappa * inFlight * (inFlight - 1));
}

/** Throughputs are scaled to 1 for the fit and back again, so that damping suits any of them. */
function fit(points: readonly LoadPoint[]): Coefficients {
  const scale = Math.max(...points.map(({ perSecond }) => perSecond));
  const first = points.reduce((least, point) => (point.inFlight < least.inFlight ? point : least));
  const x = points.map(({ inFlight }) => inFlight);
  const y = points.map(({ perSecond }) => perSecond / scale);
  const { parameterValues } = levenbergMarquardt(
    { x, y },
    ([lambda = 0, sigma = 0, kappa = 0]: number[]) =>
      (inFlight: number) =>
        predict({ lambda, sigma, kappa }, inFlight),
    {
      initialValues: [first.perSecond / first.inFlight / scale, 0.05, 0.001],
      minValues: [1e-9, 0, 0],
      maxValues: [1e9, 1, 1],
      // Relative errors: a step with little load weighs as much as one with much.
      weights: y.map((value) => 1 / value ** 2),
      damping: 0.01,
      gradientDifference: 1e-7,
      maxIterations: 300,
      errorTolerance: 1e-12,
    },
  );
  const [lambda = 0, sigma = 0, kappa = 0] = parameterValues;
  return { lambda: lambda * scale, sigma, kappa };
}

function findPeak(fitted: Coefficients): { inFlight: number; perSecond: number } | undefined {
  if (fitted.kappa <= 1e-9) return undefined;
  const inFlight = Math.max(1, Math.sqrt((1 - fitted.sigma) / fitted.kappa));
  return { inFlight, perSecond: predict(fitted, inFlight) };
}

function bootstrap(points: readonly LoadPoint[], fitted: Coefficients, residuals: readonly number[], peak: number) {
  const random = createRandom(points.length);
  const peaks = Array.from({ length: resamplings }, () => {
    const resampled = points.map(({ inFlight }) => {
      const residual = residuals[Math.floor(random() * residuals.length)] ?? 0;
      return { inFlight, perSecond: predict(fitted, inFlight) * (1 + residual) };
    });
    return findPeak(fit(resampled))?.perSecond ?? Number.POSITIVE_INFINITY;
  }).filter(Number.isFinite);
  return {
    lowPerSecond: Math.min(peak, percentile(peaks, 0.025)),
    highPerSecond: Math.max(peak, percentile(peaks, 0.975)),
  };
}
