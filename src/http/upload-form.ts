import type { VideoUpload } from '../actions/upload-video.ts';
import { type FieldError, ValidationError } from '../errors.ts';
import { createMultipartParser } from '../multipart/parser.ts';
import { createTitleField } from './title-field.ts';
import { createVideoField, type VideoFieldOptions } from './video-field.ts';

export type UploadForm = ReturnType<typeof openUploadForm>;

interface UploadFormOptions extends VideoFieldOptions {
  boundary: string;
}

/** Parses the upload form while it arrives: `video_file` and `title` in either order. Other parts are dropped. */
export function openUploadForm({ boundary, ...options }: UploadFormOptions) {
  const video = createVideoField(options);
  const title = createTitleField();
  let current: 'video' | 'title' | 'other' = 'other';
  const parser = createMultipartParser(boundary, {
    onPart(headers) {
      current = headers.name === 'video_file' ? 'video' : headers.name === 'title' ? 'title' : 'other';
      if (current === 'video') video.begin(headers);
      if (current === 'title') title.begin(headers);
    },
    onData(bytes) {
      if (current === 'video') video.append(bytes);
      else if (current === 'title') title.append(bytes);
    },
    onPartEnd() {
      if (current === 'video') video.endPart();
    },
  });

  /** Call after the last byte. Returns the fields of the form, or throws all its validation errors. */
  function end(): { video: VideoUpload; title: string } {
    parser.end();
    const errors: FieldError[] = [];
    const upload = video.read(errors);
    const text = title.read(errors);
    if (errors.length > 0 || upload === undefined) throw new ValidationError(errors);
    return { video: upload, title: text };
  }

  const { undo, settle, flush } = video;
  return { write: parser.write, end, undo, settle, flush };
}
