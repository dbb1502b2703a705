import { Type } from '@sinclair/typebox';
import { passwordMaxCodePoints, passwordMinCodePoints } from '../../limits.ts';
import { City, Nullable, OptionalText, Text, UserId } from './fields.ts';

const Email = Type.String({
  format: 'email',
  description: 'The address to log in with. The domain is case-insensitive.',
  examples: ['ana@example.com'],
});
const Password = Type.String({
  minLength: passwordMinCodePoints,
  maxLength: passwordMaxCodePoints,
  format: 'text',
  description: 'Lengths count Unicode code points.',
  examples: ['correct horse battery'],
});

export const SignUp = Type.Object(
  {
    first_name: Text(1, 100, { description: 'Shown in rankings.', examples: ['Ana'] }),
    last_name: Text(1, 100, { description: 'Shown in rankings.', examples: ['Pérez'] }),
    email: Email,
    city: OptionalText(100, { description: 'Rankings can be filtered by the city.', examples: ['Bogotá'] }),
    country: OptionalText(100, { description: 'The country of the user.', examples: ['Colombia'] }),
    password1: Password,
    password2: Password,
  },
  { title: 'SignUp', description: 'A new user. `password2` must equal `password1`.' },
);

export const User = Type.Object(
  {
    id: UserId,
    first_name: Type.String({ examples: ['Ana'] }),
    last_name: Type.String({ examples: ['Pérez'] }),
    email: Type.String({ examples: ['ana@example.com'] }),
    city: Nullable(City),
    country: Nullable(Type.String({ examples: ['Colombia'] })),
  },
  { title: 'User', additionalProperties: false },
);

export const LogIn = Type.Object({ email: Email, password: Password }, { title: 'LogIn' });

export const PasswordChange = Type.Object(
  { current_password: Password, new_password1: Password, new_password2: Password },
  { title: 'PasswordChange' },
);

export const OwnPassword = Type.Object({ password: Password }, { title: 'OwnPassword' });

export const Token = Type.Object(
  {
    access_token: Type.String({
      description: 'A JWT for the header `Authorization: Bearer`.',
      examples: ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3IiwiZXhwIjoxNzYwMDAzNjAwfQ.c2lnbmF0dXJl'],
    }),
    token_type: Type.Literal('bearer'),
    expires_in: Type.Integer({ description: 'The lifetime of the token in seconds.', examples: [3600] }),
  },
  { title: 'Token', additionalProperties: false },
);
