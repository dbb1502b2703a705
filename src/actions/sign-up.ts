import type { Sql } from '../database/open.ts';
import { insertUser, type UserRow } from '../database/users.ts';
import { AppError } from '../errors.ts';
import type { Passwords } from '../passwords.ts';

export interface SignUpInput {
  firstName: string;
  lastName: string;
  /** Folded. */
  email: string;
  city: string | null;
  country: string | null;
  password: string;
  passwordRepeated: string;
}

/** The passwords are compared before the address is looked for, as clients expect; the hash is made before either is stored. */
export async function signUp(
  { sql, passwords }: { sql: Sql; passwords: Passwords },
  input: SignUpInput,
  signal: AbortSignal,
): Promise<UserRow> {
  if (input.password !== input.passwordRepeated) throw new AppError('passwords_differ');
  const passwordHash = await passwords.hash(input.password, signal);
  const { firstName, lastName, email, city, country } = input;
  const user = await insertUser(sql, { firstName, lastName, email, passwordHash, city, country });
  if (user === undefined) throw new AppError('email_taken');
  return user;
}
