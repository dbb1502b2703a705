const minuteSeconds = 60;
const hourSeconds = 60 * minuteSeconds;

export interface Limit {
  readonly count: number;
  readonly windowSeconds: number;
}

export type LimitName = keyof typeof limitsByName;

/**
 * The rate limits by name. The word after the dash says what is counted by: an account is counted together with the client's
 * address, so that other clients cannot lock its user out. An IPv6 address is counted as its /64, the network of one customer, and
 * with a higher limit as its /48, since a customer may have all of that.
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

/** Failed log-ins to an account, from all unknown networks together, before each attempt has to wait. */
export const logInFailuresFree = 20;
export const logInFailuresWindowSeconds = 3_600;
export const logInWaitFirstSeconds = 2;
export const logInWaitMaxSeconds = 300;
/** Time for which a network stays known after a log-in from it. A timer cannot wait longer than 24 days. */
export const knownNetworkSeconds = 21 * 86_400;
