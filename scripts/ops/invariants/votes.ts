import { setTimeout as sleep } from 'node:timers/promises';
import { recount } from '../../../src/database/recount.ts';
import type { CheckDeps, Finding, Invariant } from './invariant.ts';

export const votesAreCounted: Invariant = {
  number: 6,
  name: 'One vote per user and video; every counter and every ranking equals a recount',
  check,
};

const pageRows = 100;
const comparedMax = 1_000;

async function check(deps: CheckDeps): Promise<Finding> {
  const { sql } = deps;
  const twice = await sql<{ video_id: number; user_id: number; votes: number }[]>`
    select video_id, user_id, count(*) as votes from votes group by video_id, user_id having count(*) > 1`;
  const counted = await recount(sql);
  const unlisted = counted.differing - counted.differences.length;
  const ranking = await compareRanking(deps);
  return {
    checked: `${counted.votes} votes, ${ranking.compared} ranking positions compared with the API`,
    breaks: [
      ...twice.map((each) => `user ${each.user_id} voted ${each.votes} times for video ${each.video_id}`),
      ...counted.differences.map((each) => `${each.counter} of ${each.id} is ${each.served}, counted ${each.counted}`),
      ...(unlisted > 0 ? [`${unlisted} more counters differ`] : []),
      ...ranking.breaks,
    ],
  };
}

interface Rank {
  position: number;
  username: string;
  votes: number;
}

/** A served page may be a second old, so a page that differs is read again. */
async function compareRanking({ sql, service, settleMs }: CheckDeps): Promise<{ compared: number; breaks: string[] }> {
  if (service === undefined) return { compared: 0, breaks: [] };
  let breaks: string[] = [];
  let compared = 0;
  for (let page = 1; compared < comparedMax; page += 1) {
    let counted = await countRanks(sql, page);
    let found = comparePage(counted, await readRanks(service.baseUrl, page));
    if (found.length > 0) {
      await sleep(settleMs);
      counted = await countRanks(sql, page);
      found = comparePage(counted, await readRanks(service.baseUrl, page));
    }
    breaks = [...breaks, ...found];
    compared += counted.length;
    if (counted.length < pageRows) break;
  }
  return { compared, breaks };
}

/** Ranks the users by their votes, without the counters. */
async function countRanks(sql: CheckDeps['sql'], page: number): Promise<Rank[]> {
  return sql<Rank[]>`
    select row_number() over (order by coalesce(counted.votes, 0) desc, users.id) as position,
      first_name || ' ' || last_name as username, coalesce(counted.votes, 0) as votes
    from users left join (
      select videos.user_id, count(*) as votes from votes join videos on videos.id = votes.video_id group by videos.user_id
    ) as counted on counted.user_id = users.id
    order by position limit ${pageRows} offset ${(page - 1) * pageRows}`;
}

async function readRanks(baseUrl: string, page: number): Promise<Rank[]> {
  const response = await fetch(`${baseUrl}/api/public/rankings?page=${page}&limit=${pageRows}`);
  if (!response.ok) throw new Error(`Expected the ranking to be served, got ${response.status}`);
  return (await response.json()) as Rank[];
}

function comparePage(counted: readonly Rank[], served: readonly Rank[]): string[] {
  const describe = (rank: Rank | undefined) => (rank ? `${rank.username} with ${rank.votes}` : 'no user');
  const breaks: string[] = [];
  for (let i = 0; i < Math.max(counted.length, served.length); i += 1) {
    const [wanted, got] = [counted[i], served[i]];
    if (wanted?.username === got?.username && wanted?.votes === got?.votes && wanted?.position === got?.position)
      continue;
    breaks.push(
      `position ${(wanted ?? got)?.position} is ${describe(wanted)} by the votes, ${describe(got)} in the API`,
    );
  }
  return breaks;
}
