import { AppError } from '../errors.ts';
import type { LimitName } from '../rate-limits/limits-by-name.ts';
import type { Use } from '../rate-limits/rate-limiter.ts';
import type { AppContext } from './app-context.ts';
import { isLoopback, toLimitKey } from './client-address.ts';
import type { RequestContext } from './request-context.ts';

/**
 * Counts one use of a limit and rejects with 429 when none was left. The response reports what is left, whatever its status. Requests
 * over loopback are not counted unless a setting says so.
 *
 * @param whose A user's id, 0 for the client's address, or a text of the caller's.
 */
export async function enforceRateLimit(
  context: RequestContext,
  service: AppContext,
  name: LimitName,
  whose: number | string,
): Promise<void> {
  const { throttle, metrics } = service;
  if (throttle === undefined || !isLimited(context, service)) return;
  const key = whose === 0 ? toLimitKey(context.clientAddress) : String(whose);
  const use = await throttle.use(name, key);
  if (use === undefined) return;
  context.limitUses = [...(context.limitUses ?? []), use];
  if (!use.isExceeded) return;
  metrics.rateLimited.inc({ limit: name });
  throw new AppError('too_many_requests', 'Too many requests, try again later', {
    retryAfterSeconds: use.resetSeconds,
  });
}

/** Limits are off by a setting, and for requests over loopback unless a setting says otherwise. */
export function isLimited(context: RequestContext, { throttle, config }: AppContext): boolean {
  return throttle !== undefined && (config.rateLimitLoopback || !isLoopback(context.clientAddress));
}

/** The policies and what is left of each, as in draft-ietf-httpapi-ratelimit-headers-11. */
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
