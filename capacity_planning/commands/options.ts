export interface Options {
  target?: string | undefined;
  allow: readonly string[];
  out?: string | undefined;
  threads: string;
  json: boolean;
  brief: boolean;
  pair: readonly string[];
  capacity?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  max?: string | undefined;
  warmUp?: string | undefined;
}

export const exitCodes = { pass: 0, failed: 99, invalid: 3, regression: 4 } as const;
