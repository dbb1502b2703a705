import { AppError } from '../errors.ts';
import type { LimitName } from '../throttle/limits-by-name.ts';
import type { Use } from '../throttle/throttle.ts';
import { isLoopback, toLimitKey } from './client-address.ts';
import type { Exchange } from './exchange.ts';
import type { Service } from './service.ts';

/**
 * Counts one use of a limit for a user (0: for the client's address) or for what a text names, and rejects with 429 when there was none left. The answer, whatever it will be, tells what is
 * left. Requests over loopback are not counted unless a setting says so.
 */
export async function admit(
  exchange: Exchange,
  service: Service,
  name: LimitName,
  whose: number | string,
): Promise<void> {
  const { throttle, config, metrics } = service;
  if (throttle === undefined || (isLoopback(exchange.clientAddress) && !config.rateLimitLoopback)) return;
  const key = whose === 0 ? toLimitKey(exchange.clientAddress) : String(whose);
  const use = await throttle.use(name, key);
  if (use === undefined) return;
  exchange.limitUses = [...(exchange.limitUses ?? []), use];
  if (!use.isExceeded) return;
  metrics.rateLimited.inc({ limit: name });
  throw new AppError('too_many_requests', 'Too many requests, try again later', {
    retryAfterSeconds: use.resetSeconds,
  });
}

/** As draft-ietf-httpapi-ratelimit-headers-11 has them: what the policies are, and what is left of each. */
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
