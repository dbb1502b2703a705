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
  400: 'Refused as things stand',
  401: 'No valid token',
  403: "Somebody else's",
  404: 'Not found',
  429: 'Too many requests',
  503: 'Not now: see Retry-After',
};

/** What a route answers when it succeeds, what it may refuse with, and what any route may. */
function answers(status: number, schema: TSchema | null, refusals: readonly number[]): Route['answers'] {
  const failures = [...refusals, 429, 503].map(
    (code) => [code, code === 422 ? invalid : { description: refusalTexts[code] ?? '', schema: Failure }] as const,
  );
  return Object.fromEntries([[status, { description: 'Success', schema }], ...failures]);
}

const invalid = { description: 'Input that does not fit', schema: ValidationFailure };
const notModified = { 304: { description: 'The bytes that If-None-Match names are still good', schema: null } };

/** The contract's table. The upload alone is served by a handler of its own, since its body is never one value. */
export const routes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/',
    operationId: 'health',
    summary: 'That the service is there',
    tag: 'core',
    needsUser: false,
    answers: answers(200, open.HealthText, []),
    handle: handleHealth,
  }),
  defineRoute({
    method: 'GET',
    path: '/livez',
    operationId: 'livez',
    summary: 'That this process is alive',
    tag: 'core',
    needsUser: false,
    answers: answers(200, open.Readiness, []),
    handle: handleLivez,
  }),
  defineRoute({
    method: 'GET',
    path: '/readyz',
    operationId: 'readyz',
    summary: 'That this process can serve: 503 while it drains or cannot reach what it needs',
    tag: 'core',
    needsUser: false,
    answers: answers(200, open.Readiness, []),
    handle: handleReadyz,
  }),
  defineRoute({
    method: 'POST',
    path: '/api/auth/signup',
    operationId: 'signUp',
    summary: 'Become a player or a voter',
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
    summary: 'Get a token',
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
    summary: 'Upload a video; a worker makes the showcase clip',
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
    summary: 'Your own videos, newest first',
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
    summary: 'One of your own videos',
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
    summary: 'Delete a video of yours that is not public, and its votes',
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
    summary: 'Show a processed video to the public; again is no change',
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
    summary: 'How far the processing of an upload of yours is',
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
    summary: 'What the public can watch, newest first',
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
    summary: 'Vote for a video, once',
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
    summary: 'Who leads',
    tag: 'public',
    needsUser: false,
    query: open.RankingsQuery,
    answers: { ...answers(200, open.Rankings, [422]), ...notModified },
    handle: handleRankings,
  }),
];
