import { Type } from '@sinclair/typebox';
import { Cursor, Id, Nullable, Time, VideoStatus } from './fields.ts';

/** Any decimal digits: a number that cannot be an id is simply not found. */
export const VideoPath = Type.Object({ video_id: Type.Integer({ minimum: 0 }) });
export const TaskPath = Type.Object({ task_id: Type.String({ format: 'text' }) });
export const ListQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  cursor: Type.Optional(Cursor),
});

/** What the multipart body holds; read as it streams in, never as one value. */
export const UploadForm = Type.Object(
  {
    video_file: Type.String({ contentMediaType: 'video/mp4', description: 'An MP4 of at most 104857600 bytes' }),
    title: Type.String({ minLength: 1, maxLength: 255 }),
  },
  { title: 'UploadForm' },
);

export const Uploaded = Type.Object(
  { message: Type.String(), task_id: Type.String(), video_id: Id },
  { title: 'Uploaded', additionalProperties: false },
);

const summary = {
  video_id: Id,
  title: Type.String(),
  status: VideoStatus,
  uploaded_at: Time,
  processed_at: Nullable(Time),
};

export const OwnVideos = Type.Array(
  Type.Object(
    { ...summary, processed_url: Nullable(Type.String()) },
    { title: 'OwnVideo', additionalProperties: false },
  ),
);

export const VideoDetail = Type.Object(
  {
    ...summary,
    original_url: Nullable(Type.String()),
    processed_url: Nullable(Type.String()),
    votes: Type.Integer({ minimum: 0 }),
    playback_url: Nullable(Type.String()),
    poster_url: Nullable(Type.String()),
  },
  { title: 'VideoDetail', additionalProperties: false },
);

export const Deleted = Type.Object(
  { message: Type.String(), video_id: Id },
  { title: 'Deleted', additionalProperties: false },
);

export const Published = Type.Object(
  { video_id: Id, status: Type.Literal('public') },
  { title: 'Published', additionalProperties: false },
);

export const Task = Type.Object(
  {
    task_id: Type.String(),
    video_id: Id,
    state: Type.Unsafe<'queued' | 'processing' | 'processed' | 'failed'>({
      type: 'string',
      enum: ['queued', 'processing', 'processed', 'failed'],
    }),
    progress: Type.Integer({ minimum: 0, maximum: 100 }),
    error: Nullable(Type.String()),
    queue_position: Nullable(Type.Integer({ minimum: 1 })),
    expected_wait_seconds: Nullable(Type.Number({ minimum: 0 })),
  },
  { title: 'Task', additionalProperties: false },
);
