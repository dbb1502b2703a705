/** The requested fields of ffprobe's compact output. Any field may be missing. */
export interface ProbeReport {
  readonly streams: readonly ProbeStream[];
  readonly format: Readonly<Record<string, string>>;
  readonly packets: readonly ProbePacket[];
  readonly frames: number;
}

export type ProbeStream = Readonly<
  Partial<
    Record<
      | 'index'
      | 'codec_name'
      | 'width'
      | 'height'
      | 'pix_fmt'
      | 'field_order'
      | 'r_frame_rate'
      | 'avg_frame_rate'
      | 'color_range'
      | 'color_space'
      | 'color_transfer'
      | 'color_primaries'
      | 'disposition:attached_pic',
      string
    >
  >
>;

export interface ProbePacket {
  /** The stream's index. */
  readonly stream: string;
  /** In seconds. */
  readonly start: number;
  /** In seconds, 0 where unknown. */
  readonly duration: number;
  /** Whether the edit list hides the packet's frame. */
  readonly isDiscarded: boolean;
}

/** Returns a reader of a report with lines like `stream|index=0|codec_name=h264`, in arbitrary chunks. */
export function openReportReader() {
  const streams: ProbeStream[] = [];
  const packets: ProbePacket[] = [];
  let format: Record<string, string> = {};
  let frames = 0;
  let rest = '';

  function readLine(line: string): void {
    const [section, ...pairs] = line.split('|');
    const fields = Object.fromEntries(pairs.map(splitPair));
    if (section === 'packet') readPacket(fields);
    else if (section === 'stream') streams.push(fields);
    else if (section === 'format') format = fields;
    else if (section === 'frame') frames += 1;
  }

  function readPacket(fields: Record<string, string>): void {
    const start = Number(fields['pts_time']);
    if (!Number.isFinite(start)) return;
    const duration = Number(fields['duration_time']) || 0;
    packets.push({ stream: fields['stream_index'] ?? '', start, duration, isDiscarded: fields['flags']?.[1] === 'D' });
  }

  return {
    read(chunk: string): void {
      const lines = (rest + chunk).split('\n');
      rest = (lines.pop() ?? '').slice(-lineMaxCharacters);
      for (const line of lines) readLine(line);
    },
    report: (): ProbeReport => ({ streams, format, packets, frames }),
  };
}

const lineMaxCharacters = 4096;

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf('=');
  return [pair.slice(0, at), pair.slice(at + 1)];
}
