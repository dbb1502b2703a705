import { AppError } from '../errors.ts';
import type { AppContext } from './app-context.ts';

const bearer = /^bearer +(\S+) *$/i;

/**
 * Returns the user that the token of the Authorization header names: at once where the user is known, so that most requests
 * never wait here. Throws or rejects with 401. The error is the same whatever is wrong with the token.
 */
export function authenticate(authorization: string, app: AppContext): number | Promise<number> {
  const userId = readToken(authorization, app);
  const isKnown = app.knownUsers.has(userId);
  if (isKnown === true) return userId;
  return isKnown.then((exists) => {
    if (!exists) throw invalidToken();
    return userId;
  });
}

/** Returns the user that the token names, who may no longer exist. */
export function readToken(authorization: string, { tokens }: AppContext): number {
  const token = bearer.exec(authorization)?.[1];
  const userId = token === undefined ? undefined : tokens.verify(token);
  if (userId === undefined) throw invalidToken();
  return userId;
}

export function invalidToken(): AppError {
  return new AppError('invalid_token');
}
