/** What the probe found out about an accepted source, as FFmpeg names it. */
export interface SourceFacts {
  /** Of the picture among the file's streams: never a cover. */
  readonly streamIndex: number;
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  /** Of the picture, from its first frame. Undefined where the file does not say. */
  readonly seconds: number | undefined;
  readonly pixelFormat: string;
  /** Frames a second as fractions: the file's own clock, and the average. They differ where the rate varies. */
  readonly clockRate: string;
  readonly averageRate: string;
  readonly matrix: string;
  readonly transfer: string;
  readonly primaries: string;
  readonly range: string;
}
