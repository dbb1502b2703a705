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
 * Resolves to a token. An unknown address and a wrong password get the same answer and cost the same time. A signal is
 * made for who gets as far as the hash alone: in a storm those of all the others would fill the heap.
 */
export async function logIn(
  { sql, passwords, tokens }: LogInDeps,
  { email, password }: { email: string; password: string },
  signalOf: () => AbortSignal,
): Promise<string> {
  // In a storm most are refused: that must not cost the database a question each.
  passwords.refuseWhenFull();
  const user = await findUserByEmail(sql, email);
  // Those who asked at the same time may have taken the places.
  passwords.refuseWhenFull();
  if (user === undefined) {
    await passwords.verifyAgainstNobody(password, signalOf());
    throw wrongCredentials();
  }
  const verdict = await passwords.verify(user.password_hash, password, signalOf());
  if (!verdict.ok) throw wrongCredentials();
  if (verdict.needsRehash) await rehash(sql, passwords, user, password);
  return tokens.issue(user.id);
}

/** A better hash can wait for the next time: whoever has shown the right password is let in whatever becomes of this. */
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

function wrongCredentials(): AppError {
  return new AppError('wrong_credentials');
}
