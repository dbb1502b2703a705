import type { Sandbox } from './sandbox.ts';
import type { WorkerCapacity } from './tool-limits.ts';
import type { Tools } from './tools.ts';

/** What looking at a file needs. */
export interface ProbeDeps {
  readonly tools: Tools;
  readonly sandbox: Sandbox;
  readonly capacity: WorkerCapacity;
}
