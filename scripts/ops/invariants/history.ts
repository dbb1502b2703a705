import type { CheckDeps, Finding, Invariant } from './invariant.ts';

export const statusesFollowTheirPath: Invariant = {
  number: 5,
  name: 'A status changed only uploaded -> processed -> public, or uploaded -> failed and back to uploaded',
  check,
};

/** A trigger records the changes and refuses any other. This compares the record with itself and with the rows. */
async function check({ sql }: CheckDeps): Promise<Finding> {
  const [count] = await sql<{ changes: number }[]>`select count(*) as changes from video_status_changes`;
  const wrong = await sql<{ video_id: number; from: string | null; before: string | null; to: string }[]>`
    select video_id, from_status as "from", before, to_status as "to" from (
      select *, lag(to_status) over (partition by video_id order by id) as before from video_status_changes
    ) as changes
    where from_status is distinct from before or (from_status is not null and (from_status::text, to_status::text) not in
      (('uploaded', 'processed'), ('processed', 'public'), ('uploaded', 'failed'), ('failed', 'uploaded')))
    order by video_id`;
  const ends = await sql<{ id: number; status: string; recorded: string | null }[]>`
    select id, status, recorded from videos left join lateral (
      select to_status as recorded from video_status_changes where video_id = videos.id
      order by video_status_changes.id desc limit 1
    ) as latest on true
    where recorded is distinct from status order by id`;
  return {
    checked: `${count?.changes ?? 0} changes`,
    breaks: [
      ...wrong.map(
        (each) =>
          `video ${each.video_id} was ${each.before ?? 'new'} and went from ${each.from ?? 'nothing'} to ${each.to}`,
      ),
      ...ends.map((each) => `video ${each.id} is ${each.status}, its history ends with ${each.recorded ?? 'nothing'}`),
    ],
  };
}
