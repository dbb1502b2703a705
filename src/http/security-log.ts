import type { AppContext } from './app-context.ts';
import { toNetworkKey } from './client-address.ts';
import type { RequestContext } from './request-context.ts';

/** The names are stable, because alarms and searches use them. */
export type SecurityEvent =
  | 'user_signed_up'
  | 'log_in_succeeded'
  | 'log_in_refused'
  | 'password_refused'
  | 'access_refused'
  | 'limit_exceeded'
  | 'password_changed'
  | 'logged_out_everywhere'
  | 'video_published'
  | 'video_unpublished'
  | 'video_deleted'
  | 'account_deleted';

interface SecurityFields {
  readonly userId?: number;
  readonly videoId?: number;
  readonly limit?: string;
  readonly code?: string;
}

/** Logs one security event of an account. Never logs an e-mail address, a token or a whole network address. */
export function logSecurity(
  { requestId, clientAddress }: RequestContext,
  { log }: Pick<AppContext, 'log'>,
  event: SecurityEvent,
  fields: SecurityFields = {},
): void {
  log.info({ event, ...fields, address: toNetworkKey(clientAddress), requestId }, 'security');
}
