export type FindingKind =
  | 'row_without_job'
  | 'job_without_row'
  | 'aged_intent'
  | 'object_without_row'
  | 'multipart_without_row';

/** Told of each finding once it is mended (or, in a dry run, would be). */
export type Report = (kind: FindingKind, what: string) => void;
