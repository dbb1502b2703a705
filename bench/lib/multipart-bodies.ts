export interface MultipartBody {
  readonly name: string;
  readonly boundary: string;
  readonly bytes: Buffer;
  /** The length of its only file. */
  readonly fileBytes: number;
}

const fileBytes = 16 * 1024 * 1024;
const ordinaryBoundary = '----WebKitFormBoundary7MA4YWxkTrZu0gW';
/** Clients choose the boundary. This one matches the rest of its body at every offset but the last byte. */
const monotonousBoundary = '-'.repeat(70);

/** Forms with a title and a file, as a browser sends them. Only the file differs. */
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

/** Returns the `Content-Type` of a request with such a body. */
export function contentTypeOf(boundary: string): string {
  return `multipart/form-data; boundary=${boundary}`;
}

/** Returns bytes without a pattern, like encoded video, after an MP4 header. They are the same in every run. */
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

/** Returns the bytes before and after the file in a form with a title and a file. */
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

/** Starts with an MP4 header: directly after the empty line, the pattern itself could be taken for a boundary. */
function fill(pattern: string): Buffer {
  return beginLikeMp4(Buffer.alloc(fileBytes, pattern, 'latin1'));
}

function beginLikeMp4(bytes: Buffer): Buffer {
  bytes.write('\0\0\0\x18ftypmp42\0\0\0\0mp42isom', 'latin1');
  return bytes;
}
