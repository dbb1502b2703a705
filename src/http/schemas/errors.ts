import { Type } from '@sinclair/typebox';
import { type ErrorCode, errorKinds } from '../../errors.ts';

const Code = Type.Unsafe<ErrorCode>({
  type: 'string',
  enum: Object.keys(errorKinds),
  title: 'ErrorCode',
  description: 'A stable code for programs. The description of this document lists all codes.',
});

export const Failure = Type.Object(
  { detail: Type.String({ description: 'A sentence for users.' }), code: Code },
  { title: 'Failure', additionalProperties: false },
);

const InvalidField = Type.Object(
  {
    type: Type.String({ description: 'The kind of error, as Pydantic names it.' }),
    loc: Type.Array(Type.Unsafe<string | number>({ type: ['string', 'integer'] }), {
      description: 'Where the error is: `body`, `query` or `path`, then the field.',
    }),
    msg: Type.String({ description: 'A sentence for users.' }),
  },
  { title: 'InvalidField' },
);

export const ValidationFailure = Type.Object(
  { detail: Type.Array(InvalidField, { minItems: 1 }), code: Type.Literal('validation_failed') },
  { title: 'ValidationFailure', additionalProperties: false },
);
