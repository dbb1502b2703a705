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
 * `superfast` with the two things it leaves out that pay for themselves costs half of `faster` at the same similarity to
 * the source, for a few per cent more bytes.
 */
export const showcaseProfile: Profile = {
  version: 'showcase-1',
  seconds: 30,
  width: 1280,
  height: 720,
  framesPerSecondMax: 60,
  crf: 22,
  preset: 'superfast',
  x264Params: 'mbtree=1:rc-lookahead=10',
  logo: 'logo.png',
  logoMarginPixels: 24,
  posterAtSecond: 1,
};
