import type { Sql } from '../database/open.ts';
import { insertUser, type UserRow } from '../database/users.ts';
import { AppError } from '../errors.ts';
import type { Passwords } from '../passwords.ts';
import { isWeakPassword, type PasswordRules } from '../weak-passwords.ts';

export interface SignUpInput {
  firstName: string;
  lastName: string;
  /** Normalized by `normalizeEmail`. */
  email: string;
  city: string | null;
  country: string | null;
  password: string;
  passwordRepeated: string;
  rules: PasswordRules;
}

/** Creates a user. Reports different passwords before a taken address, as older clients expect. */
export async function signUp(
  { sql, passwords }: { sql: Sql; passwords: Passwords },
  input: SignUpInput,
  signal: AbortSignal,
): Promise<UserRow> {
  requireStrongPassword(input.password, input.passwordRepeated, input.email, input.rules);
  const passwordHash = await passwords.hash(input.password, signal);
  const { firstName, lastName, email, city, country } = input;
  const user = await insertUser(sql, { firstName, lastName, email, passwordHash, city, country });
  if (user === undefined) throw new AppError('email_taken');
  return user;
}

/** Throws unless the two passwords are equal and not among those that an attacker tries first. */
export function requireStrongPassword(password: string, repeated: string, email: string, rules: PasswordRules): void {
  if (password !== repeated) throw new AppError('passwords_differ');
  if (isWeakPassword(password, email, rules)) throw new AppError('weak_password');
}
