import { openQueue } from './queue.ts';

/** The payload of a video's job: ids alone. The row is the truth; a job may run twice, late, or for a deleted row. */
export interface VideoJob {
  readonly videoId: string;
  /** The job's id as well, so that a video never has two jobs. */
  readonly taskId: string;
  /** The id of the request that uploaded the video, for the log lines about the job. */
  readonly requestId: string;
}

/** The queue of videos to process. worker/retry-policy.ts has its policy. */
export const videoQueue = openQueue<VideoJob>({
  name: 'videos',
  jobName: 'process-video',
  jobIdOf: ({ taskId }) => taskId,
});

export type VideoProducer = ReturnType<typeof videoQueue.openProducer>;
