import { emptyFile, tooLargeFile, type VideoUpload, wrongFile } from '../actions/upload-video.ts';
import type { FieldError } from '../errors.ts';
import { videoFileMaxBytes } from '../limits.ts';
import type { PartHeaders } from '../multipart/part-headers.ts';
import type { PartBuffer } from '../objects/part-buffer.ts';
import { missingField } from './schemas/upload-form.ts';

export interface VideoFieldOptions {
  /** Holds the video's bytes until they are sent. Must have room for each chunk of the form; the caller closes it. */
  buffer: PartBuffer;
  beginVideo: (contentType: string) => VideoUpload;
}

/**
 * The form's `video_file`, which goes to its VideoUpload byte by byte. Sent again, it replaces the earlier one, which is
 * taken back. Throws as soon as the video is of the wrong type, no MP4 or empty, and at the end of one that is too large,
 * whose size is then known.
 */
export function createVideoField({ buffer, beginVideo }: VideoFieldOptions) {
  const undone: Promise<void>[] = [];
  let kind: 'none' | 'text' | 'file' = 'none';
  let video: VideoUpload | undefined;
  let bytes = 0;

  function begin({ isFile, contentType }: PartHeaders): void {
    reclaim();
    bytes = 0;
    kind = isFile ? 'file' : 'text';
    if (!isFile) return;
    if (contentType !== 'video/mp4') throw wrongFile(contentType ?? 'None');
    video = beginVideo(contentType);
  }

  function reclaim(): void {
    if (video === undefined) return;
    undone.push(video.undo());
    video = undefined;
    buffer.discard();
  }

  /** Past the limit nothing is kept any more but the count, so that the refusal can tell the size. */
  function append(chunk: Buffer): void {
    if (kind !== 'file') return;
    bytes += chunk.length;
    if (bytes > videoFileMaxBytes) reclaim();
    else video?.append(chunk);
  }

  function endPart(): void {
    if (kind !== 'file') return;
    if (bytes > videoFileMaxBytes) throw tooLargeFile(bytes);
    if (bytes === 0) throw emptyFile();
    video?.recognise();
  }

  /** The video; adds to `faults` why there is none. */
  function read(faults: FieldError[]): VideoUpload | undefined {
    if (kind === 'none') faults.push(missingField('video_file'));
    if (kind === 'text') faults.push(notAFile());
    return video;
  }

  /** Settles whatever has begun; the video is taken back unless its `finish` was called and resolved. */
  async function undo(): Promise<void> {
    if (video !== undefined) undone.push(video.undo());
    await settle();
  }

  /** Earlier videos of the same form, once taken back. */
  async function settle(): Promise<void> {
    await Promise.all(undone);
  }

  return {
    begin,
    append,
    endPart,
    read,
    undo,
    settle,
    /** Call when the buffer is full; write nothing before it has resolved. */
    flush: async () => video?.flush(),
  };
}

function notAFile(): FieldError {
  const msg = 'Value error, Expected UploadFile, received a text field';
  return { type: 'value_error', loc: ['body', 'video_file'], msg };
}
