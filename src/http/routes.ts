import type { TSchema } from '@sinclair/typebox';
import { accountRoutes } from './account-routes.ts';
import { handleLogIn, handleSignUp } from './handlers/auth.ts';
import { handleHealth, handleLivez, handleReadyz } from './handlers/health.ts';
import { handlePublicVideos, handleRankings, handleVote } from './handlers/public.ts';
import { receiveUpload } from './handlers/upload.ts';
import {
  handleDeleteVideo,
  handleListVideos,
  handlePublishVideo,
  handleTask,
  handleUnpublishVideo,
  handleVideoDetail,
} from './handlers/videos.ts';
import type { HeaderName } from './openapi/headers.ts';
import { defineRoute, defineStreamRoute, json, type Route, stream } from './route.ts';
import * as auth from './schemas/auth.ts';
import * as open from './schemas/public.ts';
import * as videos from './schemas/videos.ts';

/** The successful response of a route; any further ones follow. */
function ok(schema: TSchema, description: string, ...headers: HeaderName[]) {
  return { status: 200, schema, description, headers };
}

/** The responses of a cached list. */
function cached(schema: TSchema, description: string, ...headers: HeaderName[]) {
  const description304 = 'Not modified since the response whose ETag is in `If-None-Match`. No body.';
  const cacheHeaders: HeaderName[] = ['ETag', 'Cache-Control', ...headers];
  return [
    ok(schema, description, ...cacheHeaders),
    { status: 304, description: description304, headers: cacheHeaders },
  ];
}

/** Every route of the API. To add one, add a row: HEAD, OPTIONS, 405, errors, CORS and the OpenAPI document follow from it. */
export const routes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/',
    operationId: 'health',
    summary: 'Health check',
    description: 'Responds as long as the process runs.',
    tag: 'core',
    auth: 'none',
    success: ok(open.HealthText, 'The process runs.'),
    handle: handleHealth,
  }),
  defineRoute({
    method: 'GET',
    path: '/livez',
    operationId: 'livez',
    summary: 'Liveness check',
    description: 'Responds as long as the process runs, for supervisors.',
    tag: 'core',
    auth: 'none',
    success: ok(open.Liveness, 'The process runs.'),
    handle: handleLivez,
  }),
  defineRoute({
    method: 'GET',
    path: '/readyz',
    operationId: 'readyz',
    summary: 'Readiness check',
    description: 'Returns 503 while the process stops, or while the database or the object store is unavailable.',
    tag: 'core',
    auth: 'none',
    success: ok(open.Readiness, 'The process serves requests.'),
    errors: ['not_ready'],
    handle: handleReadyz,
  }),
  defineRoute({
    method: 'POST',
    path: '/api/auth/signup',
    operationId: 'signUp',
    summary: 'Sign up',
    description: 'Creates a user, who can upload videos and vote.',
    tag: 'auth',
    auth: 'none',
    limit: 'signup-address',
    body: json(auth.SignUp),
    success: { status: 201, schema: auth.User, description: 'The new user.' },
    errors: ['passwords_differ', 'weak_password', 'email_taken', 'password_queue_full'],
    handle: handleSignUp,
  }),
  defineRoute({
    method: 'POST',
    path: '/api/auth/login',
    operationId: 'logIn',
    summary: 'Log in',
    description: 'Returns a bearer token that is valid for `expires_in` seconds.',
    tag: 'auth',
    auth: 'none',
    limit: 'login-address',
    body: json(auth.LogIn),
    success: ok(auth.Token, 'A token for the Authorization header.'),
    errors: ['wrong_credentials', 'too_many_log_ins', 'password_queue_full'],
    handle: handleLogIn,
  }),
  ...accountRoutes,
  defineStreamRoute({
    method: 'POST',
    path: '/api/videos/upload',
    operationId: 'uploadVideo',
    summary: 'Upload a video',
    description:
      'Stores an MP4 of at most 100 MiB (104857600 bytes) and queues it: a worker turns it into a showcase clip. `GET /api/tasks/{task_id}` reports the progress. The parts may be in either order.',
    tag: 'videos',
    auth: 'user',
    limit: 'upload-user',
    body: stream('multipart/form-data', videos.UploadForm),
    timeoutMs: null,
    success: { status: 201, schema: videos.Uploaded, description: 'The video is stored and queued.' },
    errors: [
      ...(['malformed_form', 'wrong_file_type', 'file_too_large', 'file_empty'] as const),
      ...(['upload_timeout', 'upload_too_slow', 'quota_exceeded'] as const),
      ...(['too_many_own_uploads', 'too_many_waiting'] as const),
      ...(['too_many_uploads', 'upload_evicted', 'upload_too_fast', 'upload_not_stored', 'shutting_down'] as const),
    ],
    handle: receiveUpload,
  }),
  defineRoute({
    method: 'GET',
    path: '/api/videos',
    operationId: 'listVideos',
    summary: 'List own videos',
    description:
      'Returns the videos of the user, newest first. With `limit` the list is paged: the address of the next page is in the `Link` header, `rel="next"`.',
    tag: 'videos',
    auth: 'user',
    query: videos.ListQuery,
    success: ok(videos.OwnVideos, 'The videos of the user.', 'Link'),
    handle: handleListVideos,
  }),
  defineRoute({
    method: 'GET',
    path: '/api/videos/{video_id}',
    operationId: 'getVideo',
    summary: 'Get a video',
    description: 'Returns one video of the user, with its votes and links that play while it has a clip.',
    tag: 'videos',
    auth: 'user',
    params: videos.VideoPath,
    success: ok(videos.VideoDetail, 'The video.'),
    errors: ['not_owner', 'video_not_found'],
    handle: handleVideoDetail,
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/videos/{video_id}',
    operationId: 'deleteVideo',
    summary: 'Delete a video',
    description: 'Deletes a video of the user that is not public, with its votes and its files.',
    tag: 'videos',
    auth: 'user',
    params: videos.VideoPath,
    success: ok(videos.Deleted, 'The video is deleted.'),
    errors: ['not_owner', 'video_not_found', 'video_is_public'],
    handle: handleDeleteVideo,
  }),
  defineRoute({
    method: 'POST',
    path: '/api/videos/{video_id}/publish',
    operationId: 'publishVideo',
    summary: 'Publish a video',
    description: 'Makes a processed video public. Repeating the request changes nothing.',
    tag: 'videos',
    auth: 'user',
    params: videos.VideoPath,
    success: ok(videos.Published, 'The video is public.'),
    errors: ['not_owner', 'video_not_found', 'video_not_processed'],
    handle: handlePublishVideo,
  }),
  defineRoute({
    method: 'POST',
    path: '/api/videos/{video_id}/unpublish',
    operationId: 'unpublishVideo',
    summary: 'Withdraw a video',
    description:
      'Makes a public video processed again. Its votes stay, and it can be deleted. Repeating the request changes nothing.',
    tag: 'videos',
    auth: 'user',
    params: videos.VideoPath,
    success: ok(videos.Unpublished, 'The video is not public.'),
    errors: ['not_owner', 'video_not_found', 'video_not_public'],
    handle: handleUnpublishVideo,
  }),
  defineRoute({
    method: 'GET',
    path: '/api/tasks/{task_id}',
    operationId: 'getTask',
    summary: 'Get a task',
    description:
      'Returns the state of the processing of an upload of the user, its progress in percent, and while it is queued its position and the expected wait in seconds.',
    tag: 'tasks',
    auth: 'user',
    params: videos.TaskPath,
    success: ok(videos.Task, 'The state of the task.'),
    errors: ['not_owner', 'task_not_found'],
    handle: handleTask,
  }),
  defineRoute({
    method: 'GET',
    path: '/api/public/videos',
    operationId: 'listPublicVideos',
    summary: 'List public videos',
    description:
      'Returns the public videos, newest first. With `limit` the list is paged: the address of the next page is in the `Link` header, `rel="next"`.',
    tag: 'public',
    auth: 'none',
    query: videos.ListQuery,
    success: cached(open.PublicVideos, 'The public videos.', 'Link'),
    handle: handlePublicVideos,
  }),
  defineRoute({
    method: 'POST',
    path: '/api/public/videos/{video_id}/vote',
    operationId: 'vote',
    summary: 'Vote for a video',
    description: 'Registers the vote of the user. A user has one vote per video.',
    tag: 'public',
    auth: 'trusted token',
    limit: 'vote-user',
    params: videos.VideoPath,
    success: ok(open.Message, 'The vote counts.'),
    errors: ['video_not_found', 'already_voted', 'video_not_votable', 'vote_queue_full'],
    handle: handleVote,
  }),
  defineRoute({
    method: 'GET',
    path: '/api/public/rankings',
    operationId: 'rankings',
    summary: 'Rankings',
    description:
      'Returns the users by the votes for their videos, most votes first, ties by user id. `city` filters by a substring, without regard to case.',
    tag: 'public',
    auth: 'none',
    query: open.RankingsQuery,
    success: cached(open.Rankings, 'The users of the page.'),
    handle: handleRankings,
  }),
];
