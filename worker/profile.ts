/** What can be set of the edit. The version is stored with each rendition: change it with anything that changes the picture. */
export interface Profile {
  readonly version: string;
  readonly seconds: number;
  readonly width: number;
  readonly height: number;
  /** A faster source is thinned out to this, a slower one keeps its own rate. */
  readonly framesPerSecondMax: number;
  readonly crf: number;
  readonly preset: string;
  readonly x264Params: string;
  /** A PNG in worker/assets, laid over the picture in its own size. */
  readonly logo: string;
  /** From the frame's upper right corner to the logo's. */
  readonly logoMarginPixels: number;
  /** Of the poster, when the clip is long enough. */
  readonly posterAtSecond: number;
}

/**
 * `superfast` with what it leaves out that pays for itself: bits where the eye looks for them (mbtree, with a look ahead and
 * little regard for how a scene's demands change, and aq-mode 2) and a finer search (subme 2). Without trellis the encoder drops
 * small coefficients by a rule of thumb, and with them grain: it drops fewer here, and quantises more coarsely instead. That
 * pays for leaving out the choice of B-frames and the smallest parts of a picture that is coded by itself. Weights stay: without
 * them a fade over a still picture takes half as many bytes again. What each is worth: bench/results/decided/encode.md.
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
