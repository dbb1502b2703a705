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

/**
 * Resolves to a token. An unknown address and a wrong password get the same response and take the same time. `createSignal` is
 * called only before hashing: under overload most requests are rejected earlier, and their signals would fill the heap.
 */
export async function logIn(
  { sql, passwords, tokens }: LogInDeps,
  { email, password }: { email: string; password: string },
  createSignal: () => AbortSignal,
): Promise<string> {
  // Under overload most requests are rejected here, before they cost a query.
  passwords.rejectWhenFull();
  const user = await findUserByEmail(sql, email);
  // The queue may have filled up during the query.
  passwords.rejectWhenFull();
  if (user === undefined) {
    await passwords.verifyDummy(password, createSignal());
    throw wrongCredentials();
  }
  const { ok, needsRehash } = await passwords.verify(user.password_hash, password, createSignal());
  if (!ok) throw wrongCredentials();
  if (needsRehash) await rehash(sql, passwords, user, password);
  return tokens.issue(user.id);
}

/** Replaces an outdated hash. When the hash queue is full the next log-in does it: the user is logged in all the same. */
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
    if (!(error instanceof AppError && error.code === 'unavailable')) throw error;
  }
}

function wrongCredentials(): AppError {
  return new AppError('unauthorized', 'Credenciales inválidas.');
}
