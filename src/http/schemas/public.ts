import { Type } from '@sinclair/typebox';
import { Id, Nullable, Time } from './fields.ts';

export const PublicVideos = Type.Array(
  Type.Object(
    {
      id: Id,
      title: Type.String(),
      uploaded_at: Time,
      processed_url: Nullable(Type.String()),
      owner_name: Type.String(),
      owner_city: Nullable(Type.String()),
      playback_url: Nullable(Type.String()),
      poster_url: Nullable(Type.String()),
    },
    { title: 'PublicVideo', additionalProperties: false },
  ),
);

export const RankingsQuery = Type.Object({
  page: Type.Integer({ minimum: 1, default: 1 }),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 10 }),
  city: Type.String({ format: 'text', default: '' }),
});

export const Rankings = Type.Array(
  Type.Object(
    {
      position: Type.Integer({ minimum: 1 }),
      username: Type.String(),
      city: Type.String(),
      votes: Type.Integer({ minimum: 0 }),
    },
    { title: 'Standing', additionalProperties: false },
  ),
);

export const Message = Type.Object({ message: Type.String() }, { title: 'Message', additionalProperties: false });
export const HealthText = Type.String({ title: 'Health' });
export const Readiness = Type.Object({ status: Type.String() }, { title: 'Readiness' });
