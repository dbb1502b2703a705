import type { Static } from '@sinclair/typebox';
import { deleteOwnVideo } from '../../actions/delete-video.ts';
import { findOwnVideo, publishOwnVideo, unpublishOwnVideo } from '../../actions/publish-video.ts';
import { findTask } from '../../database/tasks.ts';
import { AppError } from '../../errors.ts';
import { describeVideo, readOwnVideos } from '../../queries/own-videos.ts';
import type { AppContext } from '../app-context.ts';
import type { Reply } from '../reply.ts';
import type { RouteRequest } from '../route.ts';
import type { ListQuery, TaskPath, VideoPath } from '../schemas/videos.ts';
import { logSecurity } from '../security-log.ts';

export type VideoRequest = RouteRequest<Static<typeof VideoPath>, undefined, undefined>;

export async function handleListVideos(
  { userId, query }: RouteRequest<undefined, Static<typeof ListQuery>, undefined>,
  { sql }: AppContext,
): Promise<Reply> {
  const { videos, headers } = await readOwnVideos(sql, userId, query);
  return { status: 200, body: videos, headers };
}

export async function handleVideoDetail({ userId, params }: VideoRequest, { sql, links }: AppContext): Promise<Reply> {
  const video = await findOwnVideo(sql, userId, params.video_id);
  return { status: 200, body: await describeVideo(video, links) };
}

export async function handleDeleteVideo({ context, userId, params }: VideoRequest, app: AppContext): Promise<Reply> {
  await deleteOwnVideo(app, userId, params.video_id).finally(app.changes.add);
  logSecurity(context, app, 'video_deleted', { userId, videoId: params.video_id });
  return {
    status: 200,
    body: { message: 'El video ha sido eliminado exitosamente.', video_id: params.video_id },
  };
}

export async function handlePublishVideo({ context, userId, params }: VideoRequest, app: AppContext): Promise<Reply> {
  await publishOwnVideo(app.sql, userId, params.video_id);
  app.changes.add();
  logSecurity(context, app, 'video_published', { userId, videoId: params.video_id });
  return { status: 200, body: { video_id: params.video_id, status: 'public' } };
}

export async function handleUnpublishVideo({ context, userId, params }: VideoRequest, app: AppContext): Promise<Reply> {
  await unpublishOwnVideo(app.sql, userId, params.video_id);
  app.changes.add();
  logSecurity(context, app, 'video_unpublished', { userId, videoId: params.video_id });
  return { status: 200, body: { video_id: params.video_id, status: 'processed' } };
}

export async function handleTask(
  { userId, params }: RouteRequest<Static<typeof TaskPath>, undefined, undefined>,
  { sql }: AppContext,
): Promise<Reply> {
  const task = await findTask(sql, params.task_id);
  if (task === undefined) throw new AppError('task_not_found');
  if (task.user_id !== userId) throw new AppError('not_owner');
  const { user_id: _, ...body } = task;
  return { status: 200, body };
}
