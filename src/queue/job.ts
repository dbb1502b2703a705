/** The one queue both processes agree on. */
export const queueName = 'videos';
export const jobName = 'process-video';

/** What a job carries: ids alone. The row they name is the truth; a job may run twice, late, or for a row that is gone. */
export interface VideoJob {
  readonly videoId: string;
  /** Also the job's own id, so that a video never has two jobs. */
  readonly taskId: string;
  /** Of the upload that caused the job: every log line about it carries this. */
  readonly requestId: string;
}
