import { Type } from '@sinclair/typebox';
import { City, Nullable, PlaybackUrl, PosterUrl, ProcessedKey, Time, Title, VideoId } from './fields.ts';

export const PublicVideos = Type.Array(
  Type.Object(
    {
      id: VideoId,
      title: Title,
      uploaded_at: Time,
      processed_url: ProcessedKey,
      owner_name: Type.String({ description: 'The first name of the owner.', examples: ['Ana'] }),
      owner_city: Nullable(City),
      playback_url: PlaybackUrl,
      poster_url: PosterUrl,
    },
    { title: 'PublicVideo', additionalProperties: false },
  ),
);

export const RankingsQuery = Type.Object({
  page: Type.Integer({ minimum: 1, default: 1, description: 'The page, counted from 1.', examples: [1] }),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 10, description: 'Users per page.', examples: [10] }),
  city: Type.String({
    format: 'text',
    default: '',
    description: 'A substring of the city, matched literally and without regard to case. Empty for all users.',
    examples: ['bogo'],
  }),
});

export const Rankings = Type.Array(
  Type.Object(
    {
      position: Type.Integer({ minimum: 1, description: 'The rank, counted from 1.', examples: [1] }),
      username: Type.String({ description: 'First and last name.', examples: ['Ana Pérez'] }),
      city: Type.String({ description: 'The city of the user, empty when unknown.', examples: ['Bogotá'] }),
      votes: Type.Integer({ minimum: 0, description: 'Votes for all videos of the user.', examples: [128] }),
    },
    { title: 'Standing', additionalProperties: false },
  ),
);

export const Message = Type.Object(
  { message: Type.String({ examples: ['Vote successfully registered'] }) },
  { title: 'Message', additionalProperties: false },
);
export const HealthText = Type.String({ title: 'Health', examples: ['Healthcheck'] });
export const Liveness = Type.Object({ status: Type.Literal('alive') }, { title: 'Liveness' });
export const Readiness = Type.Object({ status: Type.Literal('ready') }, { title: 'Readiness' });
