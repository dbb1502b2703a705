export interface MultipartBody {
  readonly name: string;
  readonly boundary: string;
  readonly bytes: Buffer;
  /** Of the one file in it. */
  readonly fileBytes: number;
}

const fileBytes = 16 * 1024 * 1024;
const ordinaryBoundary = '----WebKitFormBoundary7MA4YWxkTrZu0gW';
/** The client chooses the boundary, too: this one looks like the rest of its body wherever one begins to compare. */
const monotonousBoundary = '-'.repeat(70);

/** A title and a file, as a browser sends them: what differs is the file. */
export const bodies: readonly MultipartBody[] = [
  createBody('ordinary', ordinaryBoundary, createNoise(fileBytes)),
  createBody('all CR', ordinaryBoundary, fill('\r')),
  createBody('CR LF dense', ordinaryBoundary, fill('\r\n')),
  createBody('whole delimiter but its last byte', ordinaryBoundary, fill(`\r\n--${ordinaryBoundary.slice(0, -1)}`)),
  createBody('first bytes of a delimiter', ordinaryBoundary, fill(`\r\n--${ordinaryBoundary.slice(0, 5)}`)),
  createBody('all dashes, boundary as well', monotonousBoundary, fill('-')),
  createBody('near-boundary of dashes', monotonousBoundary, fill(`\r\n--${monotonousBoundary.slice(0, -1)}`)),
  createBody('delimiter but its first byte', ordinaryBoundary, fill(`\n--${ordinaryBoundary}`)),
];

/** `Content-Type` of a request with such a body. */
export function contentTypeOf(boundary: string): string {
  return `multipart/form-data; boundary=${boundary}`;
}

/** Encoded video has no pattern to speak of. The same bytes every time, an MP4's first ones in front. */
export function createNoise(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length - (length % 4));
  let state = 0x2545f491;
  for (let at = 0; at < bytes.length; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes.writeInt32LE(state, at);
  }
  return beginLikeMp4(bytes);
}

/** What stands before and behind the file in a form of a title and a file. */
export function frameFile(boundary: string): { before: Buffer; after: Buffer } {
  const before = [
    `--${boundary}`,
    'Content-Disposition: form-data; name="title"',
    '',
    'A title',
    `--${boundary}`,
    'Content-Disposition: form-data; name="video_file"; filename="video.mp4"',
    'Content-Type: video/mp4',
    '',
    '',
  ].join('\r\n');
  return { before: Buffer.from(before), after: Buffer.from(`\r\n--${boundary}--\r\n`) };
}

function createBody(name: string, boundary: string, file: Buffer): MultipartBody {
  const { before, after } = frameFile(boundary);
  return { name, boundary, bytes: Buffer.concat([before, file, after]), fileBytes: file.length };
}

/** Not with the pattern itself: behind the empty line even that could be taken for a boundary. */
function fill(pattern: string): Buffer {
  return beginLikeMp4(Buffer.alloc(fileBytes, pattern, 'latin1'));
}

function beginLikeMp4(bytes: Buffer): Buffer {
  bytes.write('\0\0\0\x18ftypmp42\0\0\0\0mp42isom', 'latin1');
  return bytes;
}
