import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { recount } from '../../src/database/recount.ts';
import { openTokens } from '../../src/tokens.ts';
import { createEnvironment } from '../support/environment.ts';
import { type RunningService, startService } from '../support/service.ts';
import { openFaultRun } from './support/fault-run.ts';
import { makePublicVideos } from './support/public-videos.ts';
import { faultEnvironment, settle } from './support/settle.ts';
import { voteAtOnce } from './support/vote-storm.ts';

/** In the long run 200 pairs, in a short one a few. */
const run = openFaultRun('kill-votes', 12, () => 200);
const parallel = 50;
const pairsAtOnce = 4;
t.setTimeout(60_000 + run.rounds * 3_000);

t.test(
  'of identical concurrent votes one is counted, whichever process is killed, and counters equal a recount',
  async (t) => {
    const environment = await createEnvironment(t, faultEnvironment);
    const { sql } = environment;
    const tokens = openTokens(environment.config.tokens);
    const owners = [1, 2, 3];
    await sql`
    insert into users (first_name, last_name, email, password_hash)
    select 'V', 'V', n || '@example.com', 'x' from generate_series(1, ${owners.length + run.rounds}::int) as n`;
    const videos = await makePublicVideos(environment, owners);
    let services: RunningService[] = [await startService(t, environment, { webProcesses: 2 })];
    const { baseUrl, port } = services[0] as RunningService;

    const counts = { counted: 0, already_voted: 0, cut: 0, kills: 0 };
    for (let first = 0; first < run.rounds; first += pairsAtOnce) {
      const size = Math.min(pairsAtOnce, run.rounds - first);
      const pairs = Array.from({ length: size }, (_, i) => ({
        videoId: run.random.pick(videos),
        token: tokens.issue(owners.length + first + i + 1),
      }));
      const storm = Promise.all(pairs.map((pair) => voteAtOnce(baseUrl, pair, parallel)));
      await sleep(run.random.int(5, 120));
      const victim = run.random.pick(services.flatMap(({ web }) => web).filter((web) => !web.hasExited()));
      victim.signal('SIGKILL');
      await victim.exited;
      counts.kills += 1;
      for (const { counted, already, cut, others } of await storm) {
        t.strictSame(others, [], 'nothing but counted or already voted');
        t.ok(counted <= 1, 'one success');
        t.ok(counted === 1 || cut > 0, 'which only a cut connection can have hidden');
        counts.counted += counted;
        counts.already_voted += already;
        counts.cut += cut;
      }
      services = [...services, await startService(t, environment, { port })].filter(({ web }) =>
        web.some((process) => !process.hasExited()),
      );
    }

    const [votes] = await sql<{ votes: number; pairs: number }[]>`
    select count(*) as votes, count(distinct user_id) as pairs from votes`;
    t.match(votes, { votes: run.rounds, pairs: run.rounds });
    t.match(await recount(sql), { votes: run.rounds, differing: 0 });
    t.strictSame((await settle(environment, services, [])).breaks, [], 'every invariant holds');
    run.report(counts);
  },
);
