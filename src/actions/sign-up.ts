import type { Sql } from '../database/open.ts';
import { insertUser, type UserRow } from '../database/users.ts';
import { AppError } from '../errors.ts';
import type { Passwords } from '../passwords.ts';

export interface SignUpInput {
  firstName: string;
  lastName: string;
  /** Normalized by `normalizeEmail`. */
  email: string;
  city: string | null;
  country: string | null;
  password: string;
  passwordRepeated: string;
}

/** Creates a user. Different passwords are reported before a taken address, which is the order that clients know. */
export async function signUp(
  { sql, passwords }: { sql: Sql; passwords: Passwords },
  input: SignUpInput,
  signal: AbortSignal,
): Promise<UserRow> {
  if (input.password !== input.passwordRepeated) throw new AppError('bad_request', 'Las contraseñas no coinciden.');
  const passwordHash = await passwords.hash(input.password, signal);
  const { firstName, lastName, email, city, country } = input;
  const user = await insertUser(sql, { firstName, lastName, email, passwordHash, city, country });
  if (user === undefined) throw new AppError('bad_request', 'Email ya está registrado.');
  return user;
}
