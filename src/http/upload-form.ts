import { emptyFile, tooLargeFile, type VideoUpload, wrongFile } from '../actions/upload-video.ts';
import { type FieldFault, ValidationError } from '../errors.ts';
import { videoFileMaxBytes } from '../limits.ts';
import { createMultipartParser } from '../multipart/parser.ts';
import type { PartHeaders } from '../multipart/part-headers.ts';
import { missingField } from './schemas/upload-form.ts';
import { createTitleField } from './title-field.ts';

export type UploadForm = ReturnType<typeof openUploadForm>;

interface UploadFormOptions {
  boundary: string;
  /** Lent by the budget; goes to the video when its part begins, and is handed back by whoever holds it at the end. */
  buffer: Buffer;
  releaseBuffer: (buffer: Buffer) => void;
  beginVideo: (contentType: string, buffer: Buffer) => VideoUpload;
}

/**
 * The upload form as it streams in: `video_file` goes to its VideoUpload byte by byte, `title` is kept, anything else is
 * dropped. Of a field sent twice the last counts, and an earlier video is taken back. Throws as soon as the video is of
 * the wrong type, no MP4 or empty, and at the end of one that is too large, whose size is then known.
 */
export function openUploadForm({ boundary, buffer, releaseBuffer, beginVideo }: UploadFormOptions) {
  const parser = createMultipartParser(boundary, { onPart, onData, onPartEnd });
  const undone: Promise<void>[] = [];
  let spare: Buffer | undefined = buffer;
  let current: 'video' | 'title' | 'other' = 'other';
  let video: VideoUpload | undefined;
  let videoBytes = 0;
  let videoField: 'none' | 'text' | 'file' = 'none';
  const title = createTitleField();

  function onPart(headers: PartHeaders): void {
    current = 'other';
    if (headers.name === 'video_file') beginVideoPart(headers);
    if (headers.name === 'title') {
      title.begin(headers);
      current = 'title';
    }
  }

  function beginVideoPart({ isFile, contentType }: PartHeaders): void {
    takeBack();
    videoBytes = 0;
    videoField = isFile ? 'file' : 'text';
    if (!isFile) return;
    if (contentType !== 'video/mp4') throw wrongFile(contentType ?? 'None');
    video = beginVideo(contentType, spare as Buffer);
    spare = undefined;
    current = 'video';
  }

  function takeBack(): void {
    if (video === undefined) return;
    spare ??= video.surrenderBuffer();
    undone.push(video.undo());
    video = undefined;
  }

  function onData(bytes: Buffer): void {
    if (current === 'video') appendToVideo(bytes);
    else if (current === 'title') title.append(bytes);
  }

  /** Past the limit nothing is kept any more but the count, so that the refusal can tell the size. */
  function appendToVideo(bytes: Buffer): void {
    videoBytes += bytes.length;
    if (videoBytes > videoFileMaxBytes) takeBack();
    else video?.append(bytes);
  }

  function onPartEnd(): void {
    if (current !== 'video') return;
    if (videoBytes > videoFileMaxBytes) throw tooLargeFile(videoBytes);
    if (videoBytes === 0) throw emptyFile();
    video?.recognise();
  }

  /** Call after the last byte: what the form holds, or every fault of it. */
  function end(): { video: VideoUpload; title: string } {
    parser.end();
    const faults: FieldFault[] = [];
    if (videoField === 'none') faults.push(missingField('video_file'));
    if (videoField === 'text') faults.push(notAFile('video_file'));
    const text = title.read(faults);
    if (faults.length > 0 || video === undefined) throw new ValidationError(faults);
    return { video, title: text };
  }

  /** Settles whatever has begun; the video is taken back unless its `finish` was called and resolved. */
  async function undo(): Promise<void> {
    if (video !== undefined) undone.push(video.undo());
    await settle();
  }

  /** Earlier videos of the same form, once taken back. */
  async function settle(): Promise<void> {
    if (spare !== undefined) releaseBuffer(spare);
    spare = undefined;
    await Promise.all(undone);
  }

  return {
    write: parser.write,
    end,
    undo,
    settle,
    isFull: () => video?.isFull() ?? false,
    /** A video begun since it was asked for is left alone: only its last part may be short. */
    flush: async () => (video?.isFull() ? video.flush() : undefined),
  };
}

function notAFile(name: string): FieldFault {
  return { type: 'value_error', loc: ['body', name], msg: 'Value error, Expected UploadFile, received a text field' };
}
