import { emptyFile, tooLargeFile, type VideoUpload, wrongFile } from '../actions/upload-video.ts';
import type { FieldError } from '../errors.ts';
import { videoFileMaxBytes } from '../limits.ts';
import type { PartHeaders } from '../multipart/part-headers.ts';
import type { PartBuffer } from '../objects/part-buffer.ts';
import { missingField } from './schemas/upload-form.ts';

export interface VideoFieldOptions {
  /** Holds the video's bytes until they are sent. Must have room for each chunk of the form. The caller closes it. */
  buffer: PartBuffer;
  beginVideo: (contentType: string) => VideoUpload;
}

/**
 * Passes the form's `video_file` to a VideoUpload as it arrives. A second `video_file` replaces the first, which is undone. Throws
 * as soon as the video is known to have the wrong type, to be no MP4 or to be empty. For a video that is too large it throws at the
 * end, when the size is known.
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

  /** Counts the bytes beyond the limit without keeping them, so that the error can report the size. */
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

  /** Returns the video, or adds to `errors` why there is none. */
  function read(errors: FieldError[]): VideoUpload | undefined {
    if (kind === 'none') errors.push(missingField('video_file'));
    if (kind === 'text') errors.push(notAFile());
    return video;
  }

  /** Undoes the video, unless its `finish` has resolved, and waits for earlier videos of the form. */
  async function undo(): Promise<void> {
    if (video !== undefined) undone.push(video.undo());
    await settle();
  }

  /** Resolves when earlier videos of the same form are undone. */
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
    /** Call when the buffer is full. Write nothing until it has resolved. */
    flush: async () => video?.flush(),
  };
}

function notAFile(): FieldError {
  const msg = 'Value error, Expected UploadFile, received a text field';
  return { type: 'value_error', loc: ['body', 'video_file'], msg };
}
