import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { benchSecretKey } from '../../scripts/dev/testbed/servers.ts';
import { fillVoteRows } from '../../scripts/dev/testbed/vote-rows.ts';
import type { Sql } from '../../src/database/open.ts';
import { openTokens } from '../../src/tokens.ts';

const videos = 1_000;
const rankedUsers = 20_000;
/** The first users, who have not voted before. */
const votersMax = 10_000;
const votesPerDataset = 300_000;

export interface Dataset {
  path: string;
  tokens: string[];
  firstUser: number;
  lastUser: number;
}

export interface Datasets {
  /** Writes a file for DATASET with players of its own, who can cast `votes` new votes. */
  next(votes?: number): Dataset;
}

/** A closed loop numbers 10,000 iterations per second, whatever its throughput is; every other iteration votes. */
export function votesOfClosedLoops(seconds: number): number {
  return 5_000 * (seconds + spareSeconds);
}

const spareSeconds = 10;

/** Creates 20,000 ranked users and 1,000 public videos. Players have tokens and no passwords, because no load logs in. */
export async function makeDatasets(folder: string, sql: Sql): Promise<Datasets> {
  await fillVoteRows(sql, { users: rankedUsers, videos, votes: 10_000 });
  // Existing votes come from other users, so that the votes of a run can be counted by its voters.
  await sql`delete from votes where user_id <= ${votersMax}`;
  await sql`update videos set votes = (select count(*) from votes where video_id = videos.id)`;
  await sql`
    update users set votes = (select coalesce(sum(videos.votes), 0) from videos where videos.user_id = users.id)`;
  const tokens = openTokens({ secretKey: benchSecretKey, previousKey: undefined, lifetimeSeconds: 86_400 });
  const videoIds = Array.from({ length: videos }, (_, i) => i + 1);
  let made = 0;
  let nextUser = 1;
  return {
    next(votes = votesPerDataset) {
      const firstUser = nextUser;
      const count = Math.ceil(votes / videos);
      made += 1;
      nextUser += count;
      assert(nextUser <= votersMax, `Expected ${votersMax} voters to be enough`);
      const players = Array.from({ length: count }, (_, i) => {
        const id = firstUser + i;
        return { email: `user-${id}@example.com`, password: 'none', token: tokens.issue(id) };
      });
      const path = join(folder, `dataset-${made}.json`);
      writeFileSync(path, JSON.stringify({ players, videos: videoIds }), { mode: 0o600 });
      const issued = players.map(({ token }) => token);
      return { path, tokens: issued, firstUser, lastUser: nextUser - 1 };
    },
  };
}

/** The first box of an MP4 file, which the service checks before it accepts the rest. */
const mp4Begin = Buffer.from('\0\0\0\x18ftypisom\0\0\x02\0isomiso2', 'latin1');

/** Makes a file of `bytes` bytes that the service accepts as a video. */
export function makeUploadFile(folder: string, bytes: number): string {
  const path = join(folder, `upload-${bytes}.mp4`);
  writeFileSync(path, Buffer.concat([mp4Begin, randomBytes(bytes - mp4Begin.length)]));
  return path;
}

/** Counts the stored votes of a data set's players. */
export async function countVotes(sql: Sql, { firstUser, lastUser }: Dataset): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count from votes where user_id between ${firstUser} and ${lastUser}`;
  return row?.count ?? 0;
}
