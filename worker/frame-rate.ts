import type { Profile } from './profile.ts';
import type { SourceFacts } from './source-facts.ts';

const usualRates = ['24', '25', '30', '50', '60'];
/** Frames over which a rate is measured, so that bursts even out. */
const spanFrames = 8;
/** The quantile of the measured rates that is the motion's: the other spans may be still or slower. */
const motionShare = 0.75;
/** The minimum frame rate: a slide show with fewer frames could not be sought in and would have no exact end. */
const framesPerSecondMin = 10;

/**
 * Returns the rendition's frame rate, up to the profile's maximum. A source of constant rate keeps its own. A variable one gets the
 * next usual rate above that of its motion: still pictures lower the average, and frames dropped from motion cause stutter.
 */
export function frameRate(profile: Profile, source: SourceFacts): string {
  const times = framesWithin(profile.seconds, source);
  const rate = motionRate(times) ?? 1 / Math.max(source.seconds, 1e-3);
  if (rate > profile.framesPerSecondMax) return String(profile.framesPerSecondMax);
  const declared = source.declaredRates.find((text) => isNear(readFraction(text), rate));
  if (isSteady(times, rate)) return raise(declared ?? String(rate));
  return usualRates.find((usual) => Number(usual) >= rate * 0.98) ?? String(profile.framesPerSecondMax);
}

/** Returns the start times of the frames within the rendition. */
export function framesWithin(seconds: number, { frameSeconds }: SourceFacts): readonly number[] {
  return frameSeconds.filter((second) => second < seconds);
}

/** Returns the frame rate while the picture moves, or undefined for a single frame. */
export function motionRate(times: readonly number[]): number | undefined {
  const span = Math.min(spanFrames, times.length - 1);
  if (span < 1) return undefined;
  const rates = times
    .slice(span)
    .map((time, i) => span / Math.max(time - (times[i] ?? 0), 1e-6))
    .sort((a, b) => a - b);
  return rates[Math.min(rates.length - 1, Math.floor(rates.length * motionShare))];
}

/** Returns whether most frames are evenly spaced, within the rounding of a millisecond clock. */
function isSteady(times: readonly number[], rate: number): boolean {
  const tolerance = Math.max(0.002, 0.1 / rate);
  const isEven = (time: number, i: number) => Math.abs(time - (times[i] ?? 0) - 1 / rate) <= tolerance;
  return times.slice(1).filter(isEven).length >= (times.length - 1) * steadyShare;
}

const steadyShare = 0.9;

/** Raises a rate to a multiple of at least `framesPerSecondMin`, which keeps every frame's time. */
function raise(rate: string): string {
  const times = Math.ceil(framesPerSecondMin / readFraction(rate));
  const [above, below = '1'] = rate.split('/');
  const raised = Number((Number(above) * Math.max(times, 1)).toFixed(3));
  return below === '1' ? String(raised) : `${raised}/${below}`;
}

function isNear(rate: number, other: number): boolean {
  return Math.abs(rate - other) <= other * 0.01;
}

export function readFraction(text: string): number {
  const [above, below = '1'] = text.split('/');
  return Number(above) / Number(below);
}
