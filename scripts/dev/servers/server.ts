import type { Child } from '../../lib/child.ts';

/** A server that we started and that we end. */
export interface Server {
  child: Child;
  pid: number;
  /** What it is and where it listens, in one line. */
  description: string;
  stop(): Promise<void>;
}
