/** Durations and loads. The full test takes 15 minutes; the brief one shows only that everything works. */
export interface RehearsalSettings {
  /** CPU limit of each instance as a share of a processor, which leaves CPU for generator, balancer and database. */
  share: number;
  /**
   * Fixed fleets: users per instance, then arrivals as shares of the resulting knee. Only a single instance is driven to its
   * knee, because three full instances would leave no CPU for generator and database.
   */
  knee: {
    users: number[];
    usersOfOne: number[];
    /** Mean think time between two requests. */
    thinkMs: number;
    /** Repeats and length of each step of users: with a tenth of a processor, one garbage collection takes a second. */
    passes: number;
    passesOfOne: number;
    passStepSeconds: number;
    /** Time until the code of a limited instance is compiled. */
    passWarmUpSeconds: number;
    loads: number[];
    loadsOfOne: number[];
    /** Repeats and length of each rate, so that one pause does not break an objective. */
    visits: number;
    stepSeconds: number;
    warmUpSeconds: number;
    /** Pause between users and arrivals, until the users' idle connections are closed. */
    pauseSeconds: number;
  };
  uploads: { fileBytes: number; stepPerSecond: number; steps: number; stepSeconds: number; warmUpSeconds: number };
  /** Autoscaling: the speed relative to the policy, and loads as shares of the rate that fills one instance's CPU. */
  scaling: {
    timeScale: number;
    deregistrationSeconds: number;
    stepSeconds: number;
    profile: { name: string; load: number; steps: number }[];
  };
  drain: {
    ratePerSecond: number;
    seconds: number;
    uploadBytes: number;
    deregistrationMs: number;
    /** When an instance is replaced, from the start of the load. */
    replacedAtMs: number[];
  };
}

const MiB = 1024 * 1024;

export const fullRehearsal: RehearsalSettings = {
  share: 0.1,
  knee: {
    users: [16, 32, 48],
    usersOfOne: [64, 96, 128, 192, 256, 512, 768, 1_024],
    thinkMs: 20,
    passes: 3,
    passesOfOne: 7,
    passStepSeconds: 3,
    passWarmUpSeconds: 30,
    loads: [0.03, 0.05, 0.08, 0.12, 0.16, 0.2],
    loadsOfOne: [0.3, 0.45],
    visits: 3,
    stepSeconds: 3,
    warmUpSeconds: 5,
    pauseSeconds: 15,
  },
  uploads: { fileBytes: 4 * MiB, stepPerSecond: 1, steps: 5, stepSeconds: 2, warmUpSeconds: 1 },
  scaling: {
    timeScale: 30,
    deregistrationSeconds: 300,
    stepSeconds: 2,
    profile: [
      // An idle instance is slow for the first seconds, so the alarm needs time to reset before the step.
      { name: 'before', load: 0.25, steps: 6 },
      { name: 'step', load: 1.45, steps: 14 },
      { name: 'calm until scaled in', load: 0.25, steps: 21 },
      { name: 'spike', load: 1.45, steps: 1 },
      { name: 'after', load: 0.25, steps: 1 },
    ],
  },
  drain: {
    ratePerSecond: 30,
    seconds: 10,
    uploadBytes: 2 * MiB,
    deregistrationMs: 1_000,
    replacedAtMs: [1_000, 4_000],
  },
};

export const briefRehearsal: RehearsalSettings = {
  share: 0.1,
  knee: {
    users: [4, 8, 16, 32],
    usersOfOne: [],
    thinkMs: 20,
    passes: 1,
    passesOfOne: 1,
    passStepSeconds: 1,
    passWarmUpSeconds: 1,
    loads: [0.01, 0.03],
    loadsOfOne: [],
    visits: 1,
    stepSeconds: 1,
    warmUpSeconds: 1,
    pauseSeconds: 0,
  },
  uploads: { fileBytes: MiB, stepPerSecond: 1, steps: 2, stepSeconds: 1, warmUpSeconds: 1 },
  scaling: {
    timeScale: 100,
    deregistrationSeconds: 60,
    stepSeconds: 1,
    profile: [
      { name: 'before', load: 0.25, steps: 2 },
      { name: 'step', load: 1.45, steps: 8 },
      { name: 'after', load: 0.25, steps: 2 },
    ],
  },
  drain: { ratePerSecond: 20, seconds: 6, uploadBytes: MiB, deregistrationMs: 500, replacedAtMs: [1_500] },
};
