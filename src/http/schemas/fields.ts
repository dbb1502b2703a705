import { type SchemaOptions, type TSchema, Type } from '@sinclair/typebox';

/** Returns the schema of text that the database can store: no NUL, no lone surrogate. Lengths count Unicode code points. */
export function Text(minLength: number, maxLength: number, options: SchemaOptions = {}) {
  return Type.String({ minLength, maxLength, format: 'text', ...options });
}

export function OptionalText(maxLength: number, options: SchemaOptions = {}) {
  return Type.Optional(Nullable(Type.String({ maxLength, format: 'text', ...options })));
}

/** Returns one schema of two types, because a choice of two schemas would report each validation error twice. */
export function Nullable<T extends TSchema>(schema: T) {
  const { type, ...rest } = schema;
  return Type.Unsafe<T['static'] | null>({ type: [type, 'null'], ...rest });
}

/** A position in a list: the time of the last row of a page, in microseconds, and its id. */
export const Cursor = Type.String({
  pattern: '^[0-9]{1,16}\\.[0-9]{1,16}$',
  description: 'The position after which the page begins, from the Link header of the page before.',
  examples: ['1760000000000000.42'],
});

export const Time = Type.String({
  format: 'date-time',
  description: 'A time in UTC, ISO 8601.',
  examples: ['2026-03-14T15:09:26.535Z'],
});

/** Returns the schema of an id, with a description and an example: `Id({ description, examples })`. */
export function Id(options: SchemaOptions) {
  return Type.Integer({ minimum: 1, ...options });
}

export const UserId = Id({ description: 'Identifies the user.', examples: [7] });
export const VideoId = Id({ description: 'Identifies the video.', examples: [42] });
export const TaskId = Type.String({
  description: 'Identifies the processing of the upload.',
  examples: ['4b1d3a52-8b6a-4f7a-9d51-0c3f2f6f5a11'],
});
export const Title = Type.String({ description: 'The title of the video.', examples: ['Triple from the corner'] });
export const City = Type.String({ description: 'The city of the user.', examples: ['Bogotá'] });

export const VideoStatus = Type.Unsafe<'uploaded' | 'processed' | 'public' | 'failed'>({
  type: 'string',
  enum: ['uploaded', 'processed', 'public', 'failed'],
  title: 'VideoStatus',
  description: '`uploaded`: not processed yet. `failed`: could not be processed.',
  examples: ['public'],
});

/** Returns the schema of a file's key or address, null while there is none. */
export function Link(description: string, example: string) {
  return Nullable(Type.String({ description, examples: [example] }));
}

const processedKey = 'processed/0198f0d2-6c1b-7a55-b0b4-5b1d0f6a6f2e.mp4';

export const ProcessedKey = Link('The key of the clip in the object store, null until there is one.', processedKey);
export const PlaybackUrl = Link(
  'An address that plays the clip for a limited time, null until there is one.',
  `https://media.example.com/${processedKey}`,
);
export const PosterUrl = Link(
  'An address of a still picture of the clip, null until there is one.',
  'https://media.example.com/posters/0198f0d2-6c1b-7a55-b0b4-5b1d0f6a6f2e.jpg',
);
