export interface QueueName<Job> {
  /** The name of the queue in Redis, which every process uses. */
  readonly name: string;
  readonly jobName: string;
  /** Returns the job's id. A job whose id is queued or running already is not added again. */
  readonly jobIdOf: (job: Job) => string;
}
