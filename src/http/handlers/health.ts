import { AppError } from '../../errors.ts';
import type { AppContext } from '../app-context.ts';
import type { Reply } from '../reply.ts';
import type { RouteRequest } from '../route.ts';

export function handleHealth(): Reply {
  return { status: 200, body: 'Healthcheck' };
}

export function handleLivez(): Reply {
  return { status: 200, body: { status: 'alive' } };
}

export async function handleReadyz(_: RouteRequest, { lifecycle, readiness }: AppContext): Promise<Reply> {
  const missing = lifecycle.isDraining ? 'draining' : await readiness.describeMissing();
  if (missing === undefined) return { status: 200, body: { status: 'ready' } };
  throw new AppError('not_ready', { values: { reason: missing } });
}
