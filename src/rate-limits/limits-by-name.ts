const minuteSeconds = 60;
const hourSeconds = 60 * minuteSeconds;

export interface Limit {
  readonly count: number;
  readonly windowSeconds: number;
}

export type LimitName = keyof typeof limitsByName;

/** The rate limits by name. An account is counted together with the client's address, so that other clients cannot lock its user out. */
export const limitsByName = {
  'signup-address': { count: 30, windowSeconds: hourSeconds },
  'login-address': { count: 60, windowSeconds: 5 * minuteSeconds },
  'login-account': { count: 15, windowSeconds: 5 * minuteSeconds },
  'vote-user': { count: 60, windowSeconds: minuteSeconds },
  'upload-user': { count: 20, windowSeconds: hourSeconds },
} as const satisfies Record<string, Limit>;
