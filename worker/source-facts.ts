/** What the probe found out about an accepted source, as FFmpeg names it. */
export interface SourceFacts {
  readonly streamIndex: number;
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  /** Of the picture, from its first frame to the end of its last one, by the frames themselves. */
  readonly seconds: number;
  /** The same by the index, which a file that was cut off does not keep. Undefined where there is none. */
  readonly indexedSeconds: number | undefined;
  /** Where FFmpeg's clock stands at the first frame. */
  readonly startSeconds: number;
  /** When each frame begins, counted from the first one, in the order they are shown. */
  readonly frameSeconds: readonly number[];
  readonly pixelFormat: string;
  /** Frames a second as the file gives them: exact fractions, which may be wrong. */
  readonly declaredRates: readonly string[];
  readonly matrix: string;
  readonly transfer: string;
  readonly primaries: string;
  readonly range: string;
  /** Whether the file says so; what its pictures show may differ. */
  readonly isMarkedInterlaced: boolean;
  /** The field that comes first, where the pictures are found to be interlaced. */
  readonly interlacing: 'tff' | 'bff' | undefined;
}
