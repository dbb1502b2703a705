export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** Returns the command that runs a program of this checkout inside another program, with another Node.js or on another system. */
export type Wrap = (args: readonly string[]) => Command | Promise<Command>;
