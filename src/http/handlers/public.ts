import type { Static } from '@sinclair/typebox';
import { videoNotFound } from '../../actions/publish-video.ts';
import type { VoteOutcome } from '../../database/votes.ts';
import { AppError } from '../../errors.ts';
import type { Prepared } from '../../readers/fresh-bytes.ts';
import { invalidCredentials } from '../auth.ts';
import type { Reply } from '../reply.ts';
import type { RouteRequest } from '../route.ts';
import type { RankingsQuery } from '../schemas/public.ts';
import type { ListQuery } from '../schemas/videos.ts';
import type { Service } from '../service.ts';
import type { OfVideo } from './videos.ts';

type Asked<Q> = RouteRequest<undefined, Q, undefined>;

export function handleRankings(request: Asked<Static<typeof RankingsQuery>>, service: Service): Reply | Promise<Reply> {
  return answerPrepared(service.rankings.get(request.query), request.ifNoneMatch);
}

export function handlePublicVideos(request: Asked<Static<typeof ListQuery>>, service: Service): Reply | Promise<Reply> {
  return answerPrepared(service.publicVideos.get(request.query), request.ifNoneMatch);
}

function answerPrepared(prepared: Prepared | Promise<Prepared>, ifNoneMatch: string): Reply | Promise<Reply> {
  if (prepared instanceof Promise) return prepared.then((each) => answerPrepared(each, ifNoneMatch));
  const { bytes, etag, headers } = prepared;
  const isKnown = ifNoneMatch !== '' && (ifNoneMatch === '*' || ifNoneMatch.includes(etag));
  return isKnown ? { status: 304, headers } : { status: 200, bytes, headers };
}

export async function handleVote({ userId, params }: OfVideo, { votes, metrics }: Service): Promise<Reply> {
  const outcome = await votes.cast({ videoId: params.video_id, userId });
  metrics.votes.inc({ result: outcome });
  if (outcome !== 'counted') throw refusals[outcome]();
  return { status: 200, body: { message: 'Vote successfully registered' } };
}

const refusals: Record<Exclude<VoteOutcome, 'counted'>, () => AppError> = {
  already_voted: () => new AppError('bad_request', 'You have already voted for this video'),
  not_votable: () => new AppError('bad_request', 'Video is not available for voting'),
  not_found: videoNotFound,
  unknown_voter: invalidCredentials,
};
