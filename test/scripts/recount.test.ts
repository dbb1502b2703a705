import t from 'tap';
import { insertVotes } from '../../src/database/votes.ts';
import { createMigratedDatabase } from '../database/own-database.ts';
import { makePublicVideo, makeUser } from '../database/some-rows.ts';
import { runScript } from './run-script.ts';

t.test('a recount prints standings and differences, and --repair repairs the counters', async (t) => {
  const { sql, url } = await createMigratedDatabase(t);
  const owner = await makeUser(sql);
  const voter = await makeUser(sql);
  const { id } = await makePublicVideo(sql, owner);
  await insertVotes(sql, [{ videoId: id, userId: voter }]);
  const env = { DATABASE_URL: url };

  const clean = await runScript('ops/recount', [], env);
  t.match(clean, { code: 0, stdout: /^Every counter equals the votes\.$/m }, clean.stderr);
  t.match(clean.stdout, `  1. Ana Ruiz (${owner}): 1`);

  await sql`update videos set votes = 5`;
  await sql`insert into votes (video_id, user_id) values (${id}, ${owner})`;
  const found = await runScript('ops/recount', [], env);
  t.equal(found.code, 1);
  t.match(found.stdout, `videos.votes of ${id}: served 5, counted 2`);
  t.match(found.stdout, `users.votes of ${owner}: served 1, counted 2`);
  t.match(await sql`select votes from videos`, [{ votes: 5 }], 'reported only');

  const repaired = await runScript('ops/recount', ['--repair', '--json'], env);
  t.equal(repaired.code, 0);
  t.match(JSON.parse(repaired.stdout), {
    differing: 0,
    repaired: { videos: 1, users: 1 },
    found: [{ id, served: 5, counted: 2 }],
  });
  t.match(await sql`select votes from videos`, [{ votes: 2 }]);
  t.equal((await runScript('ops/recount', [], env)).code, 0);
});

t.test('an invalid time is refused', async (t) => {
  const { url } = await createMigratedDatabase(t);
  const { code, stderr } = await runScript('ops/recount', ['--as-of', 'yesterday'], { DATABASE_URL: url });
  t.equal(code, 2);
  t.match(stderr, /^Expected --as-of to be a time such as .*, got "yesterday"\.\n$/);
});
