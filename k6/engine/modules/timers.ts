/** An iteration may await it: k6 has the same function, with the same arguments. */
export const setTimeout = globalThis.setTimeout;
