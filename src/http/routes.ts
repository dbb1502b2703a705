import type { TSchema } from '@sinclair/typebox';
import { handleLogIn, handleSignUp } from './handlers/auth.ts';
import { handleHealth, handleLivez, handleReadyz } from './handlers/health.ts';
import { handlePublicVideos, handleRankings, handleVote } from './handlers/public.ts';
import {
  handleDeleteVideo,
  handleListVideos,
  handlePublishVideo,
  handleTask,
  handleVideoDetail,
} from './handlers/videos.ts';
import { defineRoute, type Route } from './route.ts';
import * as auth from './schemas/auth.ts';
import { Failure, ValidationFailure } from './schemas/errors.ts';
import * as open from './schemas/public.ts';
import * as videos from './schemas/videos.ts';

const refusalTexts: Record<number, string> = {
  400: 'Not possible in the present state, or not acceptable; `detail` says why',
  401: 'Missing or invalid credentials',
  403: 'Not the owner',
  404: 'Not found',
  429: 'Too many requests; see Retry-After',
  503: 'Temporarily unavailable; see Retry-After',
};

/** The responses of a route: its success, its own errors, and those of every route. */
function answers(status: number, schema: TSchema | null, refusals: readonly number[]): Route['answers'] {
  const failures = [...refusals, 429, 503].map(
    (code) => [code, code === 422 ? invalid : { description: refusalTexts[code] ?? '', schema: Failure }] as const,
  );
  return Object.fromEntries([[status, { description: 'Success', schema }], ...failures]);
}

const invalid = { description: 'Validation errors, one per field', schema: ValidationFailure };
const notModified = { 304: { description: 'Not modified since the response that If-None-Match names', schema: null } };

/** The contract's table. The upload alone has a handler of its own, since its body is never one value. */
export const routes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/',
    operationId: 'health',
    summary: 'Health check',
    description: 'Answers as long as the process runs.',
    tag: 'core',
    needsUser: false,
    answers: answers(200, open.HealthText, []),
    handle: handleHealth,
  }),
  defineRoute({
    method: 'GET',
    path: '/livez',
    operationId: 'livez',
    summary: 'Liveness check',
    description: 'Answers as long as the process runs, for supervisors.',
    tag: 'core',
    needsUser: false,
    answers: answers(200, open.Readiness, []),
    handle: handleLivez,
  }),
  defineRoute({
    method: 'GET',
    path: '/readyz',
    operationId: 'readyz',
    summary: 'Readiness check',
    description: 'Answers 503 while the process drains, or while the database or the object store is out of reach.',
    tag: 'core',
    needsUser: false,
    answers: answers(200, open.Readiness, []),
    handle: handleReadyz,
  }),
  defineRoute({
    method: 'POST',
    path: '/api/auth/signup',
    operationId: 'signUp',
    summary: 'Sign up',
    description: 'Creates a user, who can upload videos and vote.',
    tag: 'auth',
    needsUser: false,
    limit: 'signup-address',
    json: auth.SignUp,
    answers: answers(201, auth.User, [400, 422]),
    handle: handleSignUp,
  }),
  defineRoute({
    method: 'POST',
    path: '/api/auth/login',
    operationId: 'logIn',
    summary: 'Log in',
    description: 'Returns a bearer token that is valid for `expires_in` seconds.',
    tag: 'auth',
    needsUser: false,
    limit: 'login-address',
    json: auth.LogIn,
    answers: answers(200, auth.Token, [401, 422]),
    handle: handleLogIn,
  }),
  {
    method: 'POST',
    path: '/api/videos/upload',
    operationId: 'uploadVideo',
    summary: 'Upload a video',
    description:
      'Stores an MP4 of at most 100 MiB (104857600 bytes) and queues it: a worker turns it into a showcase clip. `GET /api/tasks/{task_id}` reports the progress. The parts may be in either order.',
    tag: 'videos',
    needsUser: true,
    limit: 'upload-user',
    form: videos.UploadForm,
    answers: answers(201, videos.Uploaded, [400, 401, 422]),
    handle: () => {
      throw new Error('The upload is received by receiveUpload');
    },
  },
  defineRoute({
    method: 'GET',
    path: '/api/videos',
    operationId: 'listVideos',
    summary: 'List own videos',
    description:
      'Returns the videos of the user, newest first. With `limit` the list is paged: the address of the next page is in the `Link` header, `rel="next"`.',
    tag: 'videos',
    needsUser: true,
    query: videos.ListQuery,
    answers: answers(200, videos.OwnVideos, [401, 422]),
    handle: handleListVideos,
  }),
  defineRoute({
    method: 'GET',
    path: '/api/videos/{video_id}',
    operationId: 'getVideo',
    summary: 'Get a video',
    description: 'Returns one video of the user, with its votes and links that play while it has a clip.',
    tag: 'videos',
    needsUser: true,
    params: videos.VideoPath,
    answers: answers(200, videos.VideoDetail, [401, 403, 404, 422]),
    handle: handleVideoDetail,
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/videos/{video_id}',
    operationId: 'deleteVideo',
    summary: 'Delete a video',
    description: 'Deletes a video of the user that is not public, with its votes and its files.',
    tag: 'videos',
    needsUser: true,
    params: videos.VideoPath,
    answers: answers(200, videos.Deleted, [400, 401, 403, 404, 422]),
    handle: handleDeleteVideo,
  }),
  defineRoute({
    method: 'POST',
    path: '/api/videos/{video_id}/publish',
    operationId: 'publishVideo',
    summary: 'Publish a video',
    description: 'Makes a processed video public. Repeating the request changes nothing.',
    tag: 'videos',
    needsUser: true,
    params: videos.VideoPath,
    answers: answers(200, videos.Published, [400, 401, 403, 404, 422]),
    handle: handlePublishVideo,
  }),
  defineRoute({
    method: 'GET',
    path: '/api/tasks/{task_id}',
    operationId: 'getTask',
    summary: 'Get a task',
    description:
      'Returns the state of the processing of an upload of the user, its progress in percent, and while it is queued its position and the expected wait in seconds.',
    tag: 'tasks',
    needsUser: true,
    params: videos.TaskPath,
    answers: answers(200, videos.Task, [401, 403, 404, 422]),
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
    needsUser: false,
    query: videos.ListQuery,
    answers: { ...answers(200, open.PublicVideos, [422]), ...notModified },
    handle: handlePublicVideos,
  }),
  defineRoute({
    method: 'POST',
    path: '/api/public/videos/{video_id}/vote',
    operationId: 'vote',
    summary: 'Vote for a video',
    description: 'Registers the vote of the user. A user has one vote per video.',
    tag: 'public',
    needsUser: true,
    trustsToken: true,
    limit: 'vote-user',
    params: videos.VideoPath,
    answers: answers(200, open.Message, [400, 401, 404, 422]),
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
    needsUser: false,
    query: open.RankingsQuery,
    answers: { ...answers(200, open.Rankings, [422]), ...notModified },
    handle: handleRankings,
  }),
];
