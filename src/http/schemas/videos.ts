import { Type } from '@sinclair/typebox';
import {
  Cursor,
  Link,
  Nullable,
  PlaybackUrl,
  PosterUrl,
  ProcessedKey,
  TaskId,
  Time,
  Title,
  VideoId,
  VideoStatus,
} from './fields.ts';

/** Accepts any decimal digits: a number that cannot be an id is not found. */
export const VideoPath = Type.Object({
  video_id: Type.Integer({ minimum: 0, description: 'Identifies the video.', examples: [42] }),
});
export const TaskPath = Type.Object({
  task_id: Type.String({ format: 'text', description: 'From the response to the upload.', examples: TaskId.examples }),
});
export const ListQuery = Type.Object({
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 100, description: 'Videos per page. All videos by default.', examples: [10] }),
  ),
  cursor: Type.Optional(Cursor),
});

/** Describes the multipart body for the OpenAPI document. The body itself is parsed as it arrives, not validated as one value. */
export const UploadForm = Type.Object(
  {
    video_file: Type.String({
      format: 'binary',
      contentMediaType: 'video/mp4',
      description: 'An MP4 of at most 104857600 bytes.',
      examples: ['(the bytes of clip.mp4)'],
    }),
    title: Type.String({ minLength: 1, maxLength: 255, examples: Title.examples }),
  },
  { title: 'UploadForm' },
);

export const Uploaded = Type.Object(
  {
    message: Type.String({ examples: ['Video subido exitosamente. Tarea creada.'] }),
    task_id: TaskId,
    video_id: VideoId,
  },
  { title: 'Uploaded', additionalProperties: false },
);

const summary = {
  video_id: VideoId,
  title: Title,
  status: VideoStatus,
  uploaded_at: Time,
  processed_at: Nullable(Time),
};

export const OwnVideos = Type.Array(
  Type.Object({ ...summary, processed_url: ProcessedKey }, { title: 'OwnVideo', additionalProperties: false }),
);

export const VideoDetail = Type.Object(
  {
    ...summary,
    original_url: Link(
      'The key of the upload in the object store.',
      'uploads/0198f0d2-6c1b-7a55-b0b4-5b1d0f6a6f2e.mp4',
    ),
    processed_url: ProcessedKey,
    votes: Type.Integer({ minimum: 0, description: 'Votes for the video.', examples: [12] }),
    playback_url: PlaybackUrl,
    poster_url: PosterUrl,
  },
  { title: 'VideoDetail', additionalProperties: false },
);

export const Deleted = Type.Object(
  { message: Type.String({ examples: ['El video ha sido eliminado exitosamente.'] }), video_id: VideoId },
  { title: 'Deleted', additionalProperties: false },
);

export const Published = Type.Object(
  { video_id: VideoId, status: Type.Literal('public') },
  { title: 'Published', additionalProperties: false },
);

export const Unpublished = Type.Object(
  { video_id: VideoId, status: Type.Literal('processed') },
  { title: 'Unpublished', additionalProperties: false },
);

export const Task = Type.Object(
  {
    task_id: TaskId,
    video_id: VideoId,
    state: Type.Unsafe<'queued' | 'processing' | 'processed' | 'failed'>({
      type: 'string',
      enum: ['queued', 'processing', 'processed', 'failed'],
      title: 'TaskState',
    }),
    progress: Type.Integer({ minimum: 0, maximum: 100, description: 'Progress in percent.', examples: [0] }),
    error: Nullable(Type.String({ description: 'Why the video failed, else null.', examples: [null] })),
    queue_position: Nullable(
      Type.Integer({ minimum: 1, description: 'Position in the queue, null unless queued.', examples: [3] }),
    ),
    expected_wait_seconds: Nullable(
      Type.Number({ minimum: 0, description: 'Expected wait in seconds, null unless queued.', examples: [45] }),
    ),
  },
  { title: 'Task', additionalProperties: false },
);
