import { type TSchema, Type } from '@sinclair/typebox';

/** Text as the database can keep it: no NUL, no lone surrogate. Lengths count Unicode code points. */
export function Text(minLength: number, maxLength: number) {
  return Type.String({ minLength, maxLength, format: 'text' });
}

export function OptionalText(maxLength: number) {
  return Type.Optional(Nullable(Type.String({ maxLength, format: 'text' })));
}

/** One schema of two types rather than a choice of two schemas: its faults are told once. */
export function Nullable<T extends TSchema>(schema: T) {
  const { type, ...rest } = schema;
  return Type.Unsafe<T['static'] | null>({ type: [type, 'null'], ...rest });
}

/** A position in a list, made by this service: the instant in microseconds and the id of the last row seen. */
export const Cursor = Type.String({
  pattern: '^[0-9]{1,16}\\.[0-9]{1,16}$',
  description: 'From the Link header of the page before',
});

export const Time = Type.String({ format: 'date-time' });
export const Id = Type.Integer({ minimum: 1 });
export const VideoStatus = Type.Unsafe<'uploaded' | 'processed' | 'public' | 'failed'>({
  type: 'string',
  enum: ['uploaded', 'processed', 'public', 'failed'],
});
