import { AppError } from '../errors.ts';
import type { AppContext } from './app-context.ts';

const bearer = /^bearer +(\S+) *$/i;

/**
 * The user that the Authorization header's token names. Known users are answered at once, so that most requests never
 * wait here. Throws or rejects with 401: whatever is wrong with the token, the answer is the same.
 */
export function authenticate(authorization: string, service: AppContext): number | Promise<number> {
  const userId = readToken(authorization, service);
  const isKnown = service.knownUsers.has(userId);
  if (isKnown === true) return userId;
  return isKnown.then((exists) => {
    if (!exists) throw invalidCredentials();
    return userId;
  });
}

/** The user that the token names, whether or not there is one. */
export function readToken(authorization: string, { tokens }: AppContext): number {
  const token = bearer.exec(authorization)?.[1];
  const userId = token === undefined ? undefined : tokens.verify(token);
  if (userId === undefined) throw invalidCredentials();
  return userId;
}

export function invalidCredentials(): AppError {
  return new AppError('unauthorized', 'Credenciales de autenticación inválidas.');
}
