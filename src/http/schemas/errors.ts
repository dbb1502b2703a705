import { Type } from '@sinclair/typebox';

export const Failure = Type.Object({ detail: Type.String() }, { title: 'Failure', additionalProperties: false });

export const ValidationFailure = Type.Object(
  {
    detail: Type.Array(
      Type.Object({
        type: Type.String(),
        loc: Type.Array(Type.Union([Type.String(), Type.Integer()])),
        msg: Type.String(),
      }),
      { minItems: 1 },
    ),
  },
  { title: 'ValidationFailure', additionalProperties: false },
);
