import { emptyFile, tooLargeFile, type VideoUpload, wrongFile } from '../actions/upload-video.ts';
import { type FieldFault, ValidationError } from '../errors.ts';
import { formFieldMaxBytes, videoFileMaxBytes } from '../limits.ts';
import { createMultipartParser } from '../multipart/parser.ts';
import type { PartHeaders } from '../multipart/part-headers.ts';
import { missingField, validateTitle } from './schemas/upload-form.ts';

export type UploadForm = ReturnType<typeof openUploadForm>;

interface UploadFormOptions {
  boundary: string;
  /** Lent by the budget; goes to the video when its part begins, and is handed back by whoever holds it at the end. */
  buffer: Buffer;
  releaseBuffer: (buffer: Buffer) => void;
  beginVideo: (contentType: string, buffer: Buffer) => VideoUpload;
}

type Field = { kind: 'none' } | { kind: 'text'; bytes: Buffer[] } | { kind: 'file' };

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
  let videoField: Field = { kind: 'none' };
  let titleField: Field = { kind: 'none' };
  let titleBytes = 0;

  function onPart(headers: PartHeaders): void {
    current = 'other';
    if (headers.name === 'video_file') beginVideoPart(headers);
    if (headers.name === 'title') {
      titleField = headers.isFile ? { kind: 'file' } : { kind: 'text', bytes: [] };
      titleBytes = 0;
      current = 'title';
    }
  }

  function beginVideoPart({ isFile, contentType }: PartHeaders): void {
    takeBack();
    videoBytes = 0;
    videoField = isFile ? { kind: 'file' } : { kind: 'text', bytes: [] };
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
    else if (current === 'title') appendToTitle(bytes);
  }

  /** Past the limit nothing is kept any more but the count, so that the refusal can tell the size. */
  function appendToVideo(bytes: Buffer): void {
    videoBytes += bytes.length;
    if (videoBytes > videoFileMaxBytes) takeBack();
    else video?.append(bytes);
  }

  function appendToTitle(bytes: Buffer): void {
    if (titleField.kind !== 'text' || titleBytes > formFieldMaxBytes) return;
    titleBytes += bytes.length;
    // One byte past the longest title there can be is enough to know that it is too long.
    titleField.bytes.push(Buffer.from(bytes.subarray(0, formFieldMaxBytes + 1)));
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
    if (videoField.kind === 'none') faults.push(missingField('video_file'));
    if (videoField.kind === 'text') faults.push(notAFile('video_file'));
    const title = readTitle(titleField, faults);
    if (faults.length > 0 || video === undefined) throw new ValidationError(faults);
    return { video, title };
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

function readTitle(field: Field, faults: FieldFault[]): string {
  if (field.kind === 'text') return validateTitle(Buffer.concat(field.bytes), faults);
  faults.push(
    field.kind === 'none'
      ? missingField('title')
      : { type: 'string_type', loc: ['body', 'title'], msg: 'Input should be a valid string' },
  );
  return '';
}

function notAFile(name: string): FieldFault {
  return { type: 'value_error', loc: ['body', name], msg: 'Value error, Expected UploadFile, received a text field' };
}
