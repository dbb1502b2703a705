const minuteSeconds = 60;
const hourSeconds = 60 * minuteSeconds;

export interface Limit {
  readonly count: number;
  readonly windowSeconds: number;
}

export type LimitName = keyof typeof limitsByName;

/**
 * What is counted stands behind the dash. An account is counted with the address it is tried from, so that nobody else can
 * lock its owner out. An IPv6 address stands for its /64, the network of one customer; the /48, which a customer may have as
 * well, is counted beside it, more generously.
 */
export const limitsByName = {
  'signup-address': { count: 30, windowSeconds: hourSeconds },
  'signup-network': { count: 150, windowSeconds: hourSeconds },
  'login-address': { count: 60, windowSeconds: 5 * minuteSeconds },
  'login-network': { count: 300, windowSeconds: 5 * minuteSeconds },
  'login-account': { count: 15, windowSeconds: 5 * minuteSeconds },
  'password-user': { count: 10, windowSeconds: 5 * minuteSeconds },
  'vote-user': { count: 60, windowSeconds: minuteSeconds },
  'upload-user': { count: 20, windowSeconds: hourSeconds },
} as const satisfies Record<string, Limit>;
