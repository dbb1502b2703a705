/** Takes what is to be run at the end, the last first. */
export type Defer = (undo: () => unknown) => void;
