import type { Sql } from '../database/open.ts';
import { findUserByEmail, replacePasswordHash } from '../database/users.ts';
import { AppError } from '../errors.ts';
import type { Passwords } from '../passwords.ts';
import type { Tokens } from '../tokens.ts';

interface LogInDeps {
  sql: Sql;
  passwords: Passwords;
  tokens: Tokens;
}

export type LogInResult =
  | { readonly outcome: 'done'; readonly userId: number; readonly token: string }
  /** The user's id is for the log. The client gets the same response with and without one. */
  | { readonly outcome: 'refused'; readonly userId: number | undefined };

/**
 * Resolves to a token, or to a refusal: an unknown address and a wrong password get the same response and take the same time.
 * `createSignal` is called only before hashing: under overload most requests are rejected earlier, and their signals would fill
 * the heap.
 */
export async function logIn(
  { sql, passwords, tokens }: LogInDeps,
  { email, password }: { email: string; password: string },
  createSignal: () => AbortSignal,
): Promise<LogInResult> {
  // Under overload most requests are rejected here, before they cost a query.
  passwords.rejectWhenFull();
  const user = await findUserByEmail(sql, email);
  // The queue may have filled up during the query.
  passwords.rejectWhenFull();
  if (user === undefined) {
    await passwords.verifyDummy(password, createSignal());
    return { outcome: 'refused', userId: undefined };
  }
  const { ok, needsRehash } = await passwords.verify(user.password_hash, password, createSignal());
  if (!ok) return { outcome: 'refused', userId: user.id };
  if (needsRehash) await rehash(sql, passwords, user, password);
  return { outcome: 'done', userId: user.id, token: tokens.issue(user.id, user.token_epoch) };
}

/** Replaces an outdated hash. When the hash queue is full, the log-in succeeds and a later one replaces the hash. */
async function rehash(
  sql: Sql,
  passwords: Passwords,
  user: { id: number; password_hash: string },
  password: string,
): Promise<void> {
  try {
    const newHash = await passwords.hash(password);
    await replacePasswordHash(sql, { id: user.id, oldHash: user.password_hash, newHash });
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'password_queue_full')) throw error;
  }
}
