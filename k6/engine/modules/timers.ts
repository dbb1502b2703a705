/** k6's `setTimeout` has the same arguments as Node.js'. */
export const setTimeout = globalThis.setTimeout;
