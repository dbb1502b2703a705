export type FindingKind =
  | 'row_without_job'
  | 'job_without_row'
  | 'aged_intent'
  | 'object_without_row'
  | 'multipart_without_row';

/** Called for each finding when it has been repaired, or found in a dry run. */
export type Report = (kind: FindingKind, what: string) => void;
