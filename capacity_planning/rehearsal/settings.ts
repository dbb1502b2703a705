/** How long and how much: the full rehearsal takes a quarter of an hour, the brief one only shows that everything works. */
export interface RehearsalSettings {
  /** Of one processor, for each instance, so that generator, balancer and database have room beside three of them. */
  share: number;
  /**
   * Scaling off: users at a time per instance, then arrivals in parts of the knee that follows from them. One instance alone gets
   * more of both, up to its knee: three that are full would leave generator and database no room.
   */
  knee: {
    users: number[];
    usersOfOne: number[];
    /** How long they think between two requests, on average. */
    thinkMs: number;
    /** How often each number of users is tried, for so long: in a tenth of a processor a collection of garbage takes a second of its own. */
    passes: number;
    passesOfOne: number;
    passStepSeconds: number;
    /** Until the code of an instance that is held has been compiled. */
    passWarmUpSeconds: number;
    loads: number[];
    loadsOfOne: number[];
    /** How often each rate is tried, for so long: one pause decides over an objective else. */
    visits: number;
    stepSeconds: number;
    warmUpSeconds: number;
    /** Between the two, until the connections that the users left behind are gone: those of an ALB would be after 6 s. */
    pauseSeconds: number;
  };
  uploads: { fileBytes: number; stepPerSecond: number; steps: number; stepSeconds: number; warmUpSeconds: number };
  /** Scaling on: how many times as fast as the law, and the load in parts of what fills one instance's CPU. */
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
    /** When an instance is replaced, counted from the load's begin. */
    replacedAtMs: number[];
  };
}

const MiB = 1024 * 1024;

export const fullRehearsal: RehearsalSettings = {
  share: 0.1,
  knee: {
    users: [16, 32, 48],
    usersOfOne: [64, 96, 128, 192, 256, 512, 768, 1_024],
    ...{ thinkMs: 20, passes: 3, passesOfOne: 7, passStepSeconds: 3, passWarmUpSeconds: 30 },
    loads: [0.03, 0.05, 0.08, 0.12, 0.16, 0.2],
    loadsOfOne: [0.3, 0.45],
    ...{ visits: 3, stepSeconds: 3, warmUpSeconds: 5, pauseSeconds: 15 },
  },
  uploads: { fileBytes: 4 * MiB, stepPerSecond: 1, steps: 5, stepSeconds: 2, warmUpSeconds: 1 },
  scaling: {
    ...{ timeScale: 30, deregistrationSeconds: 300, stepSeconds: 2 },
    profile: [
      // An instance that was calm is slow for the first seconds: the alarm is to be silent again when the step comes.
      { name: 'before', load: 0.25, steps: 6 },
      { name: 'step', load: 1.45, steps: 14 },
      { name: 'calm until scaled in', load: 0.25, steps: 21 },
      { name: 'spike', load: 1.45, steps: 1 },
      { name: 'after', load: 0.25, steps: 1 },
    ],
  },
  drain: {
    ...{ ratePerSecond: 30, seconds: 10, uploadBytes: 2 * MiB },
    ...{ deregistrationMs: 1_000, replacedAtMs: [1_000, 4_000] },
  },
};

export const briefRehearsal: RehearsalSettings = {
  share: 0.1,
  knee: {
    users: [4, 8, 16, 32],
    usersOfOne: [],
    ...{ thinkMs: 20, passes: 1, passesOfOne: 1, passStepSeconds: 1, passWarmUpSeconds: 1 },
    loads: [0.01, 0.03],
    loadsOfOne: [],
    visits: 1,
    stepSeconds: 1,
    warmUpSeconds: 1,
    pauseSeconds: 0,
  },
  uploads: { fileBytes: MiB, stepPerSecond: 1, steps: 2, stepSeconds: 1, warmUpSeconds: 1 },
  scaling: {
    ...{ timeScale: 100, deregistrationSeconds: 60, stepSeconds: 1 },
    profile: [
      { name: 'before', load: 0.25, steps: 2 },
      { name: 'step', load: 1.45, steps: 8 },
      { name: 'after', load: 0.25, steps: 2 },
    ],
  },
  drain: { ratePerSecond: 20, seconds: 6, uploadBytes: MiB, deregistrationMs: 500, replacedAtMs: [1_500] },
};
