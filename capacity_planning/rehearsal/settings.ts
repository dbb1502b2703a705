const MiB = 1024 * 1024;

export type RehearsalSettings = typeof fullRehearsal;

/** The test that produces a report. It takes 15 minutes. */
export const fullRehearsal = {
  /** CPU limit of each instance as a share of a processor, which leaves CPU for generator, balancer and database. */
  share: 0.1,
  /**
   * Fixed fleets: users per instance, then arrivals as shares of the resulting knee. Only a single instance is driven to its
   * knee, because three full instances would leave no CPU for generator and database.
   */
  knee: {
    users: [16, 32, 48],
    usersOfOne: [64, 96, 128, 192, 256, 512, 768, 1_024],
    /** Mean think time between two requests. */
    thinkMs: 20,
    /** Repeats and length of each step of users: with a tenth of a processor, one garbage collection takes a second. */
    passes: 3,
    passesOfOne: 7,
    passStepSeconds: 3,
    /** Time until the code of a limited instance is compiled. */
    passWarmUpSeconds: 30,
    loads: [0.03, 0.05, 0.08, 0.12, 0.16, 0.2],
    loadsOfOne: [0.3, 0.45],
    /** Repeats and length of each rate, so that one pause does not break an objective. */
    visits: 3,
    stepSeconds: 3,
    warmUpSeconds: 5,
    /** Pause between users and arrivals, until the users' idle connections are closed. */
    pauseSeconds: 15,
  },
  uploads: { fileBytes: 4 * MiB, stepPerSecond: 1, steps: 5, stepSeconds: 2, warmUpSeconds: 1 },
  /** Autoscaling: the speed relative to the policy, and loads as shares of the rate that fills one instance's CPU. */
  scaling: {
    timeScale: 30,
    deregistrationSeconds: 300,
    stepSeconds: 2,
    profile: [
      // An idle instance is slow for the first seconds, so the alarm needs time to reset before the step.
      { name: 'before', load: 0.25, steps: 6 },
      { name: 'step', load: 1.45, steps: 14 },
      { name: 'low load until scale-in', load: 0.25, steps: 21 },
      { name: 'spike', load: 1.45, steps: 1 },
      { name: 'after', load: 0.25, steps: 1 },
    ],
  },
  drain: {
    ratePerSecond: 30,
    seconds: 10,
    uploadBytes: 2 * MiB,
    deregistrationMs: 1_000,
    /** When an instance is replaced, from the start of the load. */
    replacedAtMs: [1_000, 4_000],
  },
};

/** A test of 2 minutes that shows only that everything works. Its loads are too short for a verdict. */
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
