import { requireLoading } from '../runtime.ts';

function makeSharedArray<T>(name: string, load: () => T[]): readonly T[] {
  requireLoading(`The SharedArray ${name}`);
  const list = load();
  if (!Array.isArray(list)) throw new Error(`Expected the function of SharedArray ${name} to return an array`);
  return Object.freeze(list);
}

/** One frozen copy for all virtual users of a thread. Scripts call it with `new`, so it is not an arrow function. */
export const SharedArray = new Proxy(function SharedArray() {}, {
  construct: (_target, [name, load]) => makeSharedArray(String(name), load as () => unknown[]) as object,
});
