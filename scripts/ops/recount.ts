import { parseArgs } from 'node:util';
import { type Recount, recount } from '../../src/database/recount.ts';
import { repairCounters } from '../../src/database/repair-counters.ts';
import { runCommand } from '../lib/run-command.ts';
import { UserError } from '../lib/user-error.ts';
import { withDatabase } from '../lib/with-database.ts';

/**
 * Recounts the votes and compares the result with the counters that the API serves. The exit code is 1 if any counter differs, with
 * `--repair` if any still differs after the repair.
 */
await runCommand('npm run recount [-- --as-of TIME] [--repair] [--json]', async () => {
  const { values } = parseArgs({
    options: { 'as-of': { type: 'string' }, repair: { type: 'boolean' }, json: { type: 'boolean' } },
  });
  const asOf = readTime(values['as-of']);
  return withDatabase('recount', async (sql) => {
    const before = await recount(sql, { asOf });
    const repaired = values.repair && before.differing > 0 ? await repairCounters(sql) : undefined;
    const after = repaired === undefined ? before : await recount(sql, { asOf });
    if (values.json) process.stdout.write(`${JSON.stringify({ ...after, found: before.differences, repaired })}\n`);
    else process.stdout.write(`${describe(before, repaired, after).join('\n')}\n`);
    return after.differing === 0 ? 0 : 1;
  });
});

function readTime(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) {
    throw new UserError(`Expected --as-of to be a time such as 2026-11-24T18:00:00Z, got ${JSON.stringify(text)}.`);
  }
  return time;
}

function describe(before: Recount, repaired: { videos: number; users: number } | undefined, after: Recount): string[] {
  const lines = [
    `Standings as of ${after.asOf.toISOString()}, ${after.votes} votes (later: ${after.laterVotes}):`,
    ...after.standings.map(
      ({ position, username, user_id, votes }) => `  ${position}. ${username} (${user_id}): ${votes}`,
    ),
    ...before.differences.map(
      ({ counter, id, served, counted }) => `${counter} of ${id}: served ${served}, counted ${counted}`,
    ),
  ];
  const unlisted = before.differing - before.differences.length;
  if (unlisted > 0) lines.push(`... and ${unlisted} more`);
  if (repaired !== undefined) lines.push(`Repaired: ${repaired.videos} videos, ${repaired.users} users.`);
  lines.push(
    after.differing === 0 ? 'Every counter equals the votes.' : `${after.differing} counters differ from the votes.`,
  );
  return lines;
}
