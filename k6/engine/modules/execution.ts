import { exitCodes, RunFailure, refuse } from '../exit-codes.ts';
import { currentIteration, thread } from '../runtime.ts';

/** Rejects names of k6 that this engine does not have. */
function guard<T extends object>(what: string, members: T): T {
  return new Proxy(members, {
    get(target, name) {
      if (typeof name === 'symbol' || name in target) return Reflect.get(target, name);
      throw refuse(`exec.${what}.${name}`);
    },
  });
}

export const scenario = guard('scenario', {
  get name(): string {
    return currentIteration().scenario;
  },
  get executor(): string {
    return currentIteration().executor;
  },
  get iterationInTest(): number {
    return currentIteration().inTest;
  },
});

export const vu = guard('vu', {
  get idInTest(): number {
    return currentIteration().vu;
  },
  get idInInstance(): number {
    return currentIteration().vu;
  },
  get iterationInScenario(): number {
    return currentIteration().ofVu;
  },
});

export const test = guard('test', {
  get options(): unknown {
    return thread.options;
  },
  abort(reason = ''): never {
    throw new RunFailure(`The script aborted the test: ${reason}`, exitCodes.scriptAborted);
  },
});

const execution: unknown = guard('', { scenario, vu, test });
export default execution;
