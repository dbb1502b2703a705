import { randomBytes } from 'node:crypto';

export interface FormPart {
  name: string;
  content: string | Uint8Array;
  /** Makes the part a file. */
  filename?: string;
  contentType?: string;
}

export interface Form {
  body: Buffer;
  headers: { 'content-type': string };
}

/** Builds a multipart/form-data body as a browser does. */
export function buildForm(parts: readonly FormPart[], boundary = `----form${randomBytes(12).toString('hex')}`): Form {
  const chunks = parts.flatMap((part) => [
    Buffer.from(`--${boundary}\r\n${headersOf(part)}\r\n\r\n`),
    Buffer.from(part.content as string),
    Buffer.from('\r\n'),
  ]);
  const body = Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)]);
  return { body, headers: { 'content-type': `multipart/form-data; boundary=${boundary}` } };
}

/** Builds the form of an upload: a title and an MP4. */
export function buildUploadForm(video: Uint8Array, title = 'A clip'): Form {
  return buildForm([
    { name: 'title', content: title },
    { name: 'video_file', content: video, filename: 'clip.mp4', contentType: 'video/mp4' },
  ]);
}

function headersOf({ name, filename, contentType }: FormPart): string {
  const file = filename === undefined ? '' : `; filename="${filename}"`;
  const type = contentType === undefined ? '' : `\r\nContent-Type: ${contentType}`;
  return `Content-Disposition: form-data; name="${name}"${file}${type}`;
}
