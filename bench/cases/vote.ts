import {
  benchSecretKey,
  makeBenchFolder,
  openBenchPostgres,
  startNodePeer,
  startWebProcess,
} from '../../scripts/dev/testbed/servers.ts';
import { fillVoteRows } from '../../scripts/dev/testbed/vote-rows.ts';
import type { BenchCase, Target } from '../lib/bench-case.ts';
import { castByPgbench, castInProcess, castOverHttp, type VoteStage } from '../lib/vote-candidates.ts';

const rows = { users: 300_000, videos: 10_000 };
const seconds = 4;
const spreadClients = 64;
const hotClients = 256;

/** Every vote is acknowledged after a durable commit. In batches and by pgbench: no HTTP on either side. */
export const benchCase: BenchCase = {
  name: 'vote',
  summary: 'Votes in batches, against pgbench, a single INSERT and a transaction for each vote',
  async open(defer) {
    const folder = makeBenchFolder(defer);
    const postgres = await openBenchPostgres(folder, defer);
    await fillVoteRows(postgres.sql, rows);
    const { sql, url, pid: postgresPid } = postgres;
    const stage: VoteStage = { sql, url, postgresPid, folder, ...rows, seconds };
    const settings = { DATABASE_URL: url, SECRET_KEY: benchSecretKey };
    const ours = await startWebProcess(folder, settings, defer);
    const insert = await startNodePeer('vote-server', folder, { ...settings, MODE: 'insert' }, defer);
    const transaction = await startNodePeer('vote-server', folder, { ...settings, MODE: 'transaction' }, defer);
    const anyVideo = `random(1, ${rows.videos})`;
    return {
      candidates: [
        castInProcess('spread, batches', stage, 'spread', spreadClients),
        castByPgbench('spread, pgbench INSERT', stage, insertScript(anyVideo), spreadClients),
        castByPgbench('spread, pgbench transaction', stage, transactionScript(anyVideo), spreadClients),
        castInProcess('hot, batches', stage, 'hot', hotClients),
        castByPgbench('hot, pgbench transaction', stage, transactionScript('1'), hotClients),
        castOverHttp('spread, service', stage, ours, 'spread', spreadClients),
        castOverHttp('spread, INSERT server', stage, insert, 'spread', spreadClients),
        castOverHttp('spread, transaction server', stage, transaction, 'spread', spreadClients),
        castOverHttp('hot, service', stage, ours, 'hot', hotClients),
        castOverHttp('hot, INSERT server', stage, insert, 'hot', hotClients),
        castOverHttp('hot, transaction server', stage, transaction, 'hot', hotClients),
        castOverHttp('unloaded, service', stage, ours, 'spread', 1),
        castOverHttp('unloaded, INSERT server', stage, insert, 'spread', 1),
      ],
      targets,
      runMetadata: { rows, secondsPerRound: seconds, spreadClients, hotClients },
    };
  },
};

function insertScript(video: string): string {
  return `
\\set video ${video}
\\set user random(1, ${rows.users})
insert into votes (video_id, user_id) values (:video, :user) on conflict do nothing;
`;
}

function transactionScript(video: string): string {
  return `
\\set video ${video}
\\set user random(1, ${rows.users})
begin;
insert into votes (video_id, user_id) values (:video, :user) on conflict do nothing;
update videos set votes = votes + 1 where id = :video;
update users set votes = votes + 1 where id = (select user_id from videos where id = :video);
commit;
`;
}

/** By wall time and by CPU time, the client's and PostgreSQL's together. */
function faster(ours: string, theirs: string, bound: number): Target[] {
  return (['votesPerSecond', 'votesPerCpuSecond'] as const).map((figure) => ({
    what: `${figure}: ${ours} / ${theirs}`,
    of: [ours, figure],
    against: [theirs, figure],
    is: '>=',
    bound,
  }));
}

function quicker(figure: 'p50Ms' | 'p99Ms', ours: string, theirs: string, bound: number): Target {
  return { what: `${figure}: ${ours} / ${theirs}`, of: [ours, figure], against: [theirs, figure], is: '<=', bound };
}

const targets: Target[] = [
  ...faster('spread, batches', 'spread, pgbench INSERT', 1.4),
  ...faster('spread, batches', 'spread, pgbench transaction', 6.5),
  ...faster('spread, service', 'spread, transaction server', 6.5),
  ...faster('hot, batches', 'hot, pgbench transaction', 20),
  ...faster('hot, service', 'hot, transaction server', 25),
  quicker('p99Ms', 'spread, service', 'spread, INSERT server', 0.35),
  quicker('p99Ms', 'hot, service', 'hot, INSERT server', 0.35),
  quicker('p50Ms', 'unloaded, service', 'unloaded, INSERT server', 1.6),
];
