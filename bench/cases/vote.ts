import {
  benchSecretKey,
  makeBenchFolder,
  openBenchPostgres,
  startNodePeer,
  startWebProcess,
} from '../../scripts/dev/testbed/servers.ts';
import { fillVoteRows } from '../../scripts/dev/testbed/vote-rows.ts';
import { atLeast, atMost, type BenchCase, type Target } from '../lib/bench-case.ts';
import { type VoteContext, voteByPgbench, voteInProcess, voteOverHttp } from '../lib/vote-candidates.ts';

const rows = { users: 300_000, videos: 10_000 };
const seconds = 4;
const spreadClients = 64;
const hotClients = 256;

/** Every vote is acknowledged after a durable commit. The batches and pgbench are compared without HTTP on either side. */
export const benchCase: BenchCase = {
  name: 'vote',
  summary: 'Votes in batches, against pgbench and against a single INSERT or a transaction per vote',
  async open(defer) {
    const folder = makeBenchFolder(defer);
    const postgres = await openBenchPostgres(folder, defer);
    await fillVoteRows(postgres.sql, rows);
    const { sql, url, pid: postgresPid } = postgres;
    const context: VoteContext = { sql, url, postgresPid, folder, ...rows, seconds };
    const settings = { DATABASE_URL: url, SECRET_KEY: benchSecretKey };
    const ours = await startWebProcess(folder, settings, defer);
    const insert = await startNodePeer('vote-server', folder, { ...settings, MODE: 'insert' }, defer);
    const transaction = await startNodePeer('vote-server', folder, { ...settings, MODE: 'transaction' }, defer);
    const anyVideo = `random(1, ${rows.videos})`;
    return {
      candidates: [
        voteInProcess('spread, batches', context, 'spread', spreadClients),
        voteByPgbench('spread, pgbench INSERT', context, insertScript(anyVideo), spreadClients),
        voteByPgbench('spread, pgbench transaction', context, transactionScript(anyVideo), spreadClients),
        voteInProcess('hot, batches', context, 'hot', hotClients),
        voteByPgbench('hot, pgbench transaction', context, transactionScript('1'), hotClients),
        voteOverHttp('spread, service', context, ours, 'spread', spreadClients),
        voteOverHttp('spread, INSERT server', context, insert, 'spread', spreadClients),
        voteOverHttp('spread, transaction server', context, transaction, 'spread', spreadClients),
        voteOverHttp('hot, service', context, ours, 'hot', hotClients),
        voteOverHttp('hot, INSERT server', context, insert, 'hot', hotClients),
        voteOverHttp('hot, transaction server', context, transaction, 'hot', hotClients),
        voteOverHttp('unloaded, service', context, ours, 'spread', 1),
        voteOverHttp('unloaded, INSERT server', context, insert, 'spread', 1),
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

/** Compares by wall time and by CPU time, which is the sum of the client's and PostgreSQL's. */
function faster(ours: string, theirs: string, bound: number): Target[] {
  return ['votesPerSecond', 'votesPerCpuSecond'].map((figure) =>
    atLeast(`${figure}: ${ours} / ${theirs}`, [ours, figure], bound, [theirs, figure]),
  );
}

function quicker(figure: 'p50Ms' | 'p99Ms', ours: string, theirs: string, bound: number): Target {
  return atMost(`${figure}: ${ours} / ${theirs}`, [ours, figure], bound, [theirs, figure]);
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
