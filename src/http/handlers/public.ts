import type { Static } from '@sinclair/typebox';
import { videoNotFound } from '../../actions/publish-video.ts';
import type { VoteOutcome } from '../../database/votes.ts';
import { AppError } from '../../errors.ts';
import type { CachedResponse, EncodedVariant } from '../../queries/cached-response.ts';
import type { AppContext } from '../app-context.ts';
import { invalidCredentials } from '../auth.ts';
import { chooseEncoding } from '../encoding.ts';
import type { Reply } from '../reply.ts';
import type { RouteRequest } from '../route.ts';
import type { RankingsQuery } from '../schemas/public.ts';
import type { ListQuery } from '../schemas/videos.ts';
import type { OfVideo } from './videos.ts';

type Asked<Q> = RouteRequest<undefined, Q, undefined>;

export function handleRankings(
  request: Asked<Static<typeof RankingsQuery>>,
  service: AppContext,
): Reply | Promise<Reply> {
  return sendCached(service.rankings.get(request.query), request.header);
}

export function handlePublicVideos(
  request: Asked<Static<typeof ListQuery>>,
  service: AppContext,
): Reply | Promise<Reply> {
  return sendCached(service.publicVideos.get(request.query), request.header);
}

type ReadHeader = RouteRequest['header'];

/** What the headers ask is read before anything is waited for, and no more of it than matters. */
function sendCached(prepared: CachedResponse | Promise<CachedResponse>, header: ReadHeader): Reply | Promise<Reply> {
  const ifNoneMatch = header('if-none-match');
  if (prepared instanceof Promise) {
    const encoding = chooseEncoding(header('accept-encoding'));
    return prepared.then(async (each) => sendVariant(await each.variant(encoding), ifNoneMatch));
  }
  if (!prepared.isCompressible) return sendVariant(prepared, ifNoneMatch);
  const variant = prepared.variant(chooseEncoding(header('accept-encoding')));
  if (variant instanceof Promise) return variant.then((each) => sendVariant(each, ifNoneMatch));
  return sendVariant(variant, ifNoneMatch);
}

function sendVariant({ bytes, etag, headers, head }: EncodedVariant, ifNoneMatch: string): Reply {
  const isKnown = ifNoneMatch !== '' && (ifNoneMatch === '*' || ifNoneMatch.includes(etag));
  return isKnown ? { status: 304, headers } : { status: 200, bytes, head };
}

/** A vote that stands in the table, now or before, is somebody's; of any other one it has to be looked up. */
export async function handleVote({ userId, params }: OfVideo, service: AppContext): Promise<Reply> {
  const { votes, metrics, knownUsers } = service;
  const outcome = await votes.insert({ videoId: params.video_id, userId });
  metrics.votes.inc({ result: outcome });
  if (outcome === 'counted' || outcome === 'already_voted') knownUsers.remember(userId);
  else if (!(await knownUsers.has(userId))) throw invalidCredentials();
  if (outcome !== 'counted') throw refusals[outcome]();
  return { status: 200, body: { message: 'Vote successfully registered' } };
}

const refusals: Record<Exclude<VoteOutcome, 'counted'>, () => AppError> = {
  already_voted: () => new AppError('bad_request', 'You have already voted for this video'),
  not_votable: () => new AppError('bad_request', 'Video is not available for voting'),
  not_found: videoNotFound,
  unknown_voter: invalidCredentials,
};
