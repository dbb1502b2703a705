import type { Child } from '../../lib/child.ts';

/** A server that this process started and stops. */
export interface Server {
  child: Child;
  pid: number;
  /** One line with its name, version and address. */
  description: string;
  stop(): Promise<void>;
}
