import { AppError } from '../errors.ts';
import type { TokenSubject } from '../tokens.ts';
import type { AppContext } from './app-context.ts';

const bearer = /^bearer +(\S+) *$/i;

/**
 * Returns the user that the token of the Authorization header names: at once where the user is known, so that most requests
 * never wait here. Throws or rejects with 401. The error is the same whatever is wrong with the token.
 */
export function authenticate(authorization: string, app: AppContext): number | Promise<number> {
  const subject = readToken(authorization, app);
  const isKnown = app.knownUsers.has(subject);
  if (isKnown === true) return subject.userId;
  return isKnown.then((isValid) => {
    if (!isValid) throw invalidToken();
    return subject.userId;
  });
}

/** Returns the user that the token names, who may no longer exist, and the token's epoch, which may have ended. */
export function readToken(authorization: string, { tokens }: AppContext): TokenSubject {
  const token = bearer.exec(authorization)?.[1];
  const subject = token === undefined ? undefined : tokens.verify(token);
  if (subject === undefined) throw invalidToken();
  return subject;
}

export function invalidToken(): AppError {
  return new AppError('invalid_token');
}
