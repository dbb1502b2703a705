import { createSigner, createVerifier } from 'fast-jwt';
import { LRUCache } from 'lru-cache';
import type { TokenConfig } from './config.ts';
import { tokenClockSkewSeconds, verifiedTokensMax } from './limits.ts';

export type Tokens = ReturnType<typeof openTokens>;

interface Verified {
  userId: number;
  /** In milliseconds since 1970. */
  expiresAt: number;
}

const algorithm = 'HS256';

/**
 * Issues and verifies JSON Web Tokens. Caches verified tokens, so that a busy client costs one verification. Only valid tokens
 * are cached: a forged one can neither enter the cache nor evict another. `now` returns milliseconds since 1970 and is called
 * on every use.
 */
export function openTokens({ secretKey, previousKey, lifetimeSeconds }: TokenConfig, now: () => number = Date.now) {
  const sign = createSigner({ key: secretKey, algorithm, expiresIn: lifetimeSeconds * 1000 });
  const keys = previousKey === undefined ? [secretKey] : [secretKey, previousKey];
  const verifiers = keys.map((key) => createVerifier({ key, algorithms: [algorithm] }));
  const remembered = new LRUCache<string, Verified>({ max: verifiedTokensMax });

  return {
    issue(userId: number): string {
      return sign({ sub: String(userId) });
    },

    /** Returns the user's id, or undefined for a token that is forged, expired, of another issuer, or without a user. */
    verify(token: string): number | undefined {
      const cached = remembered.get(token);
      if (cached !== undefined) return now() < cached.expiresAt ? cached.userId : undefined;
      for (const verifier of verifiers) {
        const verified = readClaims(tryVerifier(verifier, token), now());
        if (verified === undefined) continue;
        remembered.set(token, verified);
        return verified.userId;
      }
      return undefined;
    },

    rememberedCount(): number {
      return remembered.size;
    },
  };
}

function tryVerifier(verifier: (token: string) => unknown, token: string): unknown {
  try {
    return verifier(token);
  } catch {
    return undefined;
  }
}

/** Checks what the library does not: `exp` must exist, `iat` must be in the past, `sub` must be an id. */
function readClaims(payload: unknown, now: number): Verified | undefined {
  if (typeof payload !== 'object' || payload === null) return undefined;
  const { sub, exp, iat } = payload as Record<string, unknown>;
  if (typeof exp !== 'number' || !Number.isFinite(exp) || now >= exp * 1000) return undefined;
  if (iat !== undefined && !(typeof iat === 'number' && iat * 1000 <= now + tokenClockSkewSeconds * 1000))
    return undefined;
  const userId = readUserId(sub);
  return userId === undefined ? undefined : { userId, expiresAt: exp * 1000 };
}

function readUserId(sub: unknown): number | undefined {
  if (typeof sub !== 'string' || !/^[1-9]\d{0,15}$/.test(sub)) return undefined;
  const userId = Number(sub);
  return Number.isSafeInteger(userId) ? userId : undefined;
}
