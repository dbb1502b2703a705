import type { Profile } from './profile.ts';
import type { SourceFacts } from './source-facts.ts';

const usualRates = ['24', '25', '30', '50', '60'];
/** Frames over which a rate is taken: what comes in bursts evens out. */
const spanFrames = 8;
/** A rate as high, of that many spans, counts as the motion's: the rest may stand still or be slower. */
const motionShare = 0.75;
/** A slide show is encoded with as many frames a second, or there would be nowhere to seek to and no exact end. */
const framesPerSecondMin = 10;

/**
 * Returns the rendition's frames a second. A steady source keeps its own rate. A varying one gets the next usual rate above
 * that of its motion: stills lower the average, and frames dropped from a motion stutter. Both within the profile's bound.
 */
export function frameRate(profile: Profile, source: SourceFacts): string {
  const times = framesWithin(profile.seconds, source);
  const rate = motionRate(times) ?? 1 / Math.max(source.seconds, 1e-3);
  if (rate > profile.framesPerSecondMax) return String(profile.framesPerSecondMax);
  const declared = source.declaredRates.find((text) => isNear(readFraction(text), rate));
  if (isSteady(times, rate)) return raise(declared ?? String(rate));
  return usualRates.find((usual) => Number(usual) >= rate * 0.98) ?? String(profile.framesPerSecondMax);
}

/** Returns when the frames begin of which the rendition is made. */
export function framesWithin(seconds: number, { frameSeconds }: SourceFacts): readonly number[] {
  return frameSeconds.filter((second) => second < seconds);
}

/** Returns the frames a second while the picture moves; undefined for a single frame. */
export function motionRate(times: readonly number[]): number | undefined {
  const span = Math.min(spanFrames, times.length - 1);
  if (span < 1) return undefined;
  const rates = times
    .slice(span)
    .map((time, i) => span / Math.max(time - (times[i] ?? 0), 1e-6))
    .sort((a, b) => a - b);
  return rates[Math.min(rates.length - 1, Math.floor(rates.length * motionShare))];
}

/** Whether frames follow each other evenly, but for gaps here and there and what a clock of milliseconds makes of it. */
function isSteady(times: readonly number[], rate: number): boolean {
  const tolerance = Math.max(0.002, 0.1 / rate);
  const isEven = (time: number, i: number) => Math.abs(time - (times[i] ?? 0) - 1 / rate) <= tolerance;
  return times.slice(1).filter(isEven).length >= (times.length - 1) * steadyShare;
}

const steadyShare = 0.9;

/** A multiple keeps every frame in its place. */
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
