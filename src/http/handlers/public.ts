import type { Static } from '@sinclair/typebox';
import { videoNotFound } from '../../actions/publish-video.ts';
import type { VoteOutcome } from '../../database/votes.ts';
import { AppError } from '../../errors.ts';
import type { AppContext } from '../app-context.ts';
import { invalidToken } from '../auth.ts';
import { sendCached } from '../cached-reply.ts';
import type { Reply } from '../reply.ts';
import type { RouteRequest } from '../route.ts';
import type { RankingsQuery } from '../schemas/public.ts';
import type { ListQuery } from '../schemas/videos.ts';
import type { VideoRequest } from './videos.ts';

type QueryRequest<Q> = RouteRequest<undefined, Q, undefined>;

export function handleRankings(
  request: QueryRequest<Static<typeof RankingsQuery>>,
  app: AppContext,
): Reply | Promise<Reply> {
  return sendCached(app.rankings.get(request.query), request.header);
}

export function handlePublicVideos(
  request: QueryRequest<Static<typeof ListQuery>>,
  app: AppContext,
): Reply | Promise<Reply> {
  return sendCached(app.publicVideos.get(request.query), request.header);
}

/** Inserts a vote. The same statement checks the token's user and epoch, so that a vote costs no other query. */
export async function handleVote({ userId, epoch, params }: VideoRequest, app: AppContext): Promise<Reply> {
  const { votes, metrics, knownUsers } = app;
  const outcome = await votes.insert({ videoId: params.video_id, userId, epoch });
  metrics.votes.inc({ result: outcome });
  if (outcome !== 'unknown_voter') knownUsers.remember(userId, epoch);
  if (outcome !== 'counted') throw errors[outcome]();
  return { status: 200, body: { message: 'Vote successfully registered' } };
}

const errors: Record<Exclude<VoteOutcome, 'counted'>, () => AppError> = {
  already_voted: () => new AppError('already_voted'),
  not_votable: () => new AppError('video_not_votable'),
  not_found: videoNotFound,
  unknown_voter: invalidToken,
};
