import type { Sql } from '../database/open.ts';
import { changePasswordHash, revokeTokens } from '../database/token-epochs.ts';
import { type Credentials, findCredentials } from '../database/users.ts';
import { AppError } from '../errors.ts';
import type { Passwords } from '../passwords.ts';
import type { Tokens } from '../tokens.ts';
import type { PasswordRules } from '../weak-passwords.ts';
import { requireStrongPassword } from './sign-up.ts';

/** Caches the epoch of users' tokens in this process. */
interface UserCache {
  remember(userId: number, epoch: number): void;
}

interface ChangePasswordDeps {
  sql: Sql;
  passwords: Passwords;
  tokens: Tokens;
  knownUsers: UserCache;
}

export interface PasswordChange {
  current: string;
  next: string;
  nextRepeated: string;
  rules: PasswordRules;
}

/** Replaces the password and revokes every token issued so far. Resolves to a token of the new epoch. */
export async function changePassword(
  { sql, passwords, tokens, knownUsers }: ChangePasswordDeps,
  userId: number,
  { current, next, nextRepeated, rules }: PasswordChange,
  signal: AbortSignal,
): Promise<string> {
  const user = await verifyOwnPassword({ sql, passwords }, userId, current, signal);
  requireStrongPassword(next, nextRepeated, user.email, rules);
  const newHash = await passwords.hash(next, signal);
  const epoch = await changePasswordHash(sql, { id: userId, oldHash: user.password_hash, newHash });
  if (epoch === undefined) throw new AppError('wrong_credentials');
  knownUsers.remember(userId, epoch);
  return tokens.issue(userId, epoch);
}

/** Revokes every token issued so far. */
export async function logOutEverywhere(
  { sql, knownUsers }: { sql: Sql; knownUsers: UserCache },
  userId: number,
): Promise<void> {
  const epoch = await revokeTokens(sql, userId);
  if (epoch !== undefined) knownUsers.remember(userId, epoch);
}

/** Resolves to the user's credentials. Rejects with 401 if the password is wrong, or the user was deleted meanwhile. */
export async function verifyOwnPassword(
  { sql, passwords }: { sql: Sql; passwords: Passwords },
  userId: number,
  password: string,
  signal: AbortSignal,
): Promise<Credentials> {
  const user = await findCredentials(sql, userId);
  if (user === undefined) throw new AppError('wrong_credentials');
  const { ok } = await passwords.verify(user.password_hash, password, signal);
  if (!ok) throw new AppError('wrong_credentials');
  return user;
}
