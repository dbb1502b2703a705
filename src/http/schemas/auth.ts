import { Type } from '@sinclair/typebox';
import { Id, Nullable, OptionalText, Text } from './fields.ts';

const Email = Type.String({ format: 'email' });
const Password = Type.String({ minLength: 8, maxLength: 128, format: 'text' });

export const SignUp = Type.Object(
  {
    first_name: Text(1, 100),
    last_name: Text(1, 100),
    email: Email,
    city: OptionalText(100),
    country: OptionalText(100),
    password1: Password,
    password2: Password,
  },
  { title: 'SignUp' },
);

export const User = Type.Object(
  {
    id: Id,
    first_name: Type.String(),
    last_name: Type.String(),
    email: Type.String(),
    city: Nullable(Type.String()),
    country: Nullable(Type.String()),
  },
  { title: 'User', additionalProperties: false },
);

export const LogIn = Type.Object({ email: Email, password: Password }, { title: 'LogIn' });

export const Token = Type.Object(
  { access_token: Type.String(), token_type: Type.Literal('bearer'), expires_in: Type.Integer() },
  { title: 'Token', additionalProperties: false },
);
