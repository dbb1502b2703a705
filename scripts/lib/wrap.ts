export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** How to run a program of this checkout: within another program, with another Node.js, on another system. */
export type Wrap = (args: readonly string[]) => Command | Promise<Command>;
