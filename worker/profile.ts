/** The settings of the edit. The version is stored with each rendition: change it with anything that changes the picture. */
export interface Profile {
  readonly version: string;
  readonly seconds: number;
  readonly width: number;
  readonly height: number;
  /** Frames of a faster source are dropped down to this rate. A slower source keeps its own. */
  readonly framesPerSecondMax: number;
  readonly crf: number;
  readonly preset: string;
  readonly x264Params: string;
  /** The name of a PNG in worker/assets, which is overlaid in its own size. */
  readonly logo: string;
  /** The distance of the logo from the frame's upper and right edge. */
  readonly logoMarginPixels: number;
  /** The time of the poster, when the clip is long enough. */
  readonly posterAtSecond: number;
}

/**
 * x264's `superfast` with these changes. bench/results/decided/encode.md has the figures.
 *
 *   mbtree, rc-lookahead=17   spend bits on blocks that later frames reference; saves bytes for a look-ahead of 17 frames
 *   qcomp=0.5                 strengthens mbtree, and evens the bit rate across scenes
 *   aq-mode=2                 adapts the quantiser to each block's variance, where the eye sees errors
 *   subme=2                   refines the motion search; saves bytes for some CPU
 *   deadzone-inter/-intra     keep more small coefficients, which are grain; without trellis they would be dropped
 *   crf=22.55                 quantises more coarsely, which pays for the kept coefficients
 *   b-adapt=0                 does not search for the best B-frames; saves CPU
 *   partitions=i8x8           leaves out the smallest intra blocks; saves CPU
 *   weightp=1                 stays: without weights a fade over a still picture takes 1.5 times the bytes
 */
export const showcaseProfile: Profile = {
  version: 'showcase-6',
  seconds: 30,
  width: 1280,
  height: 720,
  framesPerSecondMax: 60,
  crf: 22.55,
  preset: 'superfast',
  x264Params: [
    'mbtree=1:rc-lookahead=17:qcomp=0.5:aq-mode=2:subme=2',
    'deadzone-inter=8:deadzone-intra=5',
    'b-adapt=0:weightp=1:partitions=i8x8',
  ].join(':'),
  logo: 'logo.png',
  logoMarginPixels: 24,
  posterAtSecond: 1,
};
