/** The facts of an accepted source that the probe found, by FFmpeg's names. */
export interface SourceFacts {
  readonly streamIndex: number;
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  /** The duration from the first frame to the end of the last one, by the packets. */
  readonly seconds: number;
  /** The duration by the index, which is longer than `seconds` for a truncated file. Undefined when there is no index. */
  readonly indexedSeconds: number | undefined;
  /** FFmpeg's timestamp of the first frame. */
  readonly startSeconds: number;
  /** The start time of each frame, relative to the first one, in display order. */
  readonly frameSeconds: readonly number[];
  readonly pixelFormat: string;
  /** Frame rates by the file's headers: exact fractions, which may be wrong. */
  readonly declaredRates: readonly string[];
  readonly matrix: string;
  readonly transfer: string;
  readonly primaries: string;
  readonly range: string;
  /** Whether the file is flagged as interlaced, which may be wrong. */
  readonly isMarkedInterlaced: boolean;
  /** The field that comes first, when the pictures are interlaced. */
  readonly interlacing: 'tff' | 'bff' | undefined;
}
