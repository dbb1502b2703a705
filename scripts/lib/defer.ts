/** Registers a cleanup function. Cleanup functions run at the end, the last one first. */
export type Defer = (undo: () => unknown) => void;
