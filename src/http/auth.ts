import { AppError } from '../errors.ts';
import type { TokenSubject } from '../tokens.ts';
import type { AppContext } from './app-context.ts';

const bearer = /^bearer +(\S+) *$/i;

/**
 * The user that the Authorization header's token names. Known users are answered at once, so that most requests never
 * wait here. Throws or rejects with 401: whatever is wrong with the token, the answer is the same.
 */
export function authenticate(authorization: string, service: AppContext): number | Promise<number> {
  const subject = readToken(authorization, service);
  const isKnown = service.knownUsers.has(subject);
  if (isKnown === true) return subject.userId;
  return isKnown.then((isValid) => {
    if (!isValid) throw invalidCredentials();
    return subject.userId;
  });
}

/** The user that the token names, whether or not there is one, and the token's epoch, whether or not it is revoked. */
export function readToken(authorization: string, { tokens }: AppContext): TokenSubject {
  const token = bearer.exec(authorization)?.[1];
  const subject = token === undefined ? undefined : tokens.verify(token);
  if (subject === undefined) throw invalidCredentials();
  return subject;
}

export function invalidCredentials(): AppError {
  return new AppError('unauthorized', 'Credenciales de autenticación inválidas.');
}
