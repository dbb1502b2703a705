import { isIPv6 } from 'node:net';
import { AppError } from '../errors.ts';
import type { LimitName } from '../rate-limits/limits-by-name.ts';
import type { Use } from '../rate-limits/rate-limiter.ts';
import type { PasswordRules } from '../weak-passwords.ts';
import type { AppContext } from './app-context.ts';
import { toLimitKey, toNetworkKey } from './client-address.ts';
import type { RequestContext } from './request-context.ts';
import { logSecurity } from './security-log.ts';

/**
 * Counts one use of a limit and rejects with 429 when the limit is exceeded. Responses of every status report the remaining uses.
 * Requests over loopback are counted only with RATE_LIMIT_LOOPBACK=on.
 *
 * @param subject A user's id, 0 for the client's address, or another key of the caller's choice.
 */
export async function enforceRateLimit(
  context: RequestContext,
  app: AppContext,
  name: LimitName,
  subject: number | string,
): Promise<void> {
  const { throttle } = app;
  if (throttle === undefined || !isRateLimited(context, app)) return;
  const key = subject === 0 ? toLimitKey(context.clientAddress) : String(subject);
  const uses = [await throttle.use(name, key)];
  const network = subject === 0 && isIPv6(context.clientAddress) ? networkLimits[name] : undefined;
  if (network !== undefined) uses.push(await throttle.use(network, toNetworkKey(context.clientAddress)));
  context.limitUses = [...(context.limitUses ?? []), ...uses];
  const exceeded = uses.find((use) => use.isExceeded);
  if (exceeded === undefined) return;
  reportLimitHit(context, app, exceeded.name, typeof subject === 'number' ? subject : 0);
  throw new AppError('rate_limited', { retryAfterSeconds: exceeded.resetSeconds });
}

/** An IPv6 client may have more than one /64: its /48 is counted as well. */
const networkLimits: Partial<Record<LimitName, LimitName>> = {
  'signup-address': 'signup-network',
  'login-address': 'login-network',
};

/** Returns false when rate limits are off, and for a client on this machine. */
export function isRateLimited(context: RequestContext, { throttle, config }: AppContext): boolean {
  return throttle !== undefined && (config.rateLimitLoopback || !context.isLocalClient);
}

/** Returns the rules for the client's passwords. Common ones are refused to remote clients: those that are rate limited. */
export function passwordRules(context: RequestContext, app: AppContext): PasswordRules {
  return { acceptsCommon: !isRateLimited(context, app) };
}

export function reportLimitHit(context: RequestContext, app: AppContext, limit: string, userId: number): void {
  app.metrics.rateLimited.inc({ limit });
  logSecurity(context, app, 'limit_exceeded', { limit, ...(userId === 0 ? {} : { userId }) });
}

/** Returns the headers of draft-ietf-httpapi-ratelimit-headers-11: the policies and the remaining uses of each. */
export function limitHeaders(uses: readonly Use[]): (readonly [string, string])[] {
  return [
    [
      'RateLimit-Policy',
      uses.map(({ name, count, windowSeconds }) => `"${name}";q=${count};w=${windowSeconds}`).join(', '),
    ],
    [
      'RateLimit',
      uses.map(({ name, remaining, resetSeconds }) => `"${name}";r=${remaining};t=${resetSeconds}`).join(', '),
    ],
  ];
}
