import type { Sandbox } from './sandbox.ts';
import type { WorkerCapacity } from './tool-limits.ts';
import type { Tools } from './tools.ts';

/** The dependencies of a probe. */
export interface ProbeDeps {
  readonly tools: Tools;
  readonly sandbox: Sandbox;
  readonly capacity: WorkerCapacity;
}
