import { countersPerRepairBatch } from '../limits.ts';
import { type AnySql, inTransaction, type Sql } from './open.ts';
import { pendingVoteDeltas } from './vote-deltas.ts';

export interface RepairedCounters {
  videos: number;
  users: number;
}

/**
 * Sets every wrong counter to the number of its votes, in batches, while clients go on voting. A batch locks its counters and
 * counts in a later statement. A transaction that updated a locked counter before has ended, so its votes are counted; any other
 * transaction adds to the new value later. A user's counter is set to the votes minus the pending deltas: one snapshot sees
 * both, and no flush can update the counter while it is locked. Rows are locked by id, which is the order of every writer.
 */
export async function repairCounters(sql: Sql): Promise<RepairedCounters> {
  const videos = await repairBatches(sql, await findVideos(sql), repairVideos);
  const users = await repairBatches(sql, await findUsers(sql), repairUsers);
  return { videos, users };
}

async function repairBatches(
  sql: Sql,
  ids: number[],
  repair: (sql: AnySql, ids: number[]) => Promise<number>,
): Promise<number> {
  let repaired = 0;
  for (let start = 0; start < ids.length; start += countersPerRepairBatch) {
    const batch = ids.slice(start, start + countersPerRepairBatch);
    repaired += await inTransaction(sql, (tx) => repair(tx, batch));
  }
  return repaired;
}

async function findVideos(sql: AnySql): Promise<number[]> {
  const rows = await sql<{ id: number }[]>`
    select videos.id
    from videos left join (select video_id, count(*) as votes from votes group by video_id) as counted
      on counted.video_id = videos.id
    where videos.votes <> coalesce(counted.votes, 0)
    order by videos.id`;
  return rows.map((row) => row.id);
}

async function repairVideos(sql: AnySql, ids: number[]): Promise<number> {
  await sql`select from videos where id = any(${ids}::bigint[]) order by id for no key update`;
  const { count } = await sql`
    update videos set votes = counted.votes
    from (
      select wanted.id, count(votes.id) as votes
      from unnest(${ids}::bigint[]) as wanted (id) left join votes on votes.video_id = wanted.id
      group by wanted.id
    ) as counted
    where videos.id = counted.id and videos.votes <> counted.votes`;
  return count;
}

async function findUsers(sql: AnySql): Promise<number[]> {
  const rows = await sql<{ id: number }[]>`
    select users.id
    from users left join (
      select videos.user_id, count(*) as votes
      from votes join videos on videos.id = votes.video_id group by videos.user_id
    ) as counted on counted.user_id = users.id
      left join ${pendingVoteDeltas(sql)} as pending on pending.user_id = users.id
    where users.votes + coalesce(pending.votes, 0) <> coalesce(counted.votes, 0)
    order by users.id`;
  return rows.map((row) => row.id);
}

async function repairUsers(sql: AnySql, ids: number[]): Promise<number> {
  await sql`select from users where id = any(${ids}::bigint[]) order by id for no key update`;
  const { count } = await sql`
    update users set votes = counted.votes
    from (
      select wanted.id, count(votes.id) - coalesce(pending.votes, 0) as votes
      from unnest(${ids}::bigint[]) as wanted (id)
        left join videos on videos.user_id = wanted.id
        left join votes on votes.video_id = videos.id
        left join ${pendingVoteDeltas(sql)} as pending on pending.user_id = wanted.id
      group by wanted.id, pending.votes
    ) as counted
    where users.id = counted.id and users.votes <> counted.votes`;
  return count;
}
