import { createCipheriv, createHash } from 'node:crypto';
import { buildUploadForm, type Form } from '../../support/multipart.ts';

export interface TestVideo {
  bytes: Buffer;
  sha256: string;
  form: Form;
  /** The offset of the video in the form's body. */
  start: number;
}

/** Makes bytes that begin as an MP4, followed by noise that differs for every number, so that stored bytes identify their upload. */
export function makeVideo(length: number, number: number): TestVideo {
  const key = Buffer.alloc(16);
  key.writeUInt32BE(number >>> 0);
  const bytes = createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
  Buffer.from('\0\0\0\x18ftypisom\0\0\x02\0isomiso2', 'latin1').copy(bytes);
  const form = buildUploadForm(bytes, `Video ${number}`);
  const start = form.body.indexOf('video/mp4\r\n\r\n') + 'video/mp4\r\n\r\n'.length;
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex'), form, start };
}
