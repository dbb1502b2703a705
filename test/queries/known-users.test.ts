import t from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { revokeTokens } from '../../src/database/token-epochs.ts';
import { tokenRevocationPollMs, tokenRevocationsTrustMs } from '../../src/limits.ts';
import { openKnownUsers } from '../../src/queries/known-users.ts';
import { createMigratedDatabase } from '../database/own-database.ts';
import { makeUser } from '../database/some-rows.ts';
import { openFakeClock } from '../support/fake-clock.ts';

t.test('a user is looked up once, and a revocation by any process is seen at the next poll', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const userId = await makeUser(sql);
  const clock = openFakeClock();
  const users = openKnownUsers(sql, clock);
  t.equal(await users.has({ userId, epoch: 0 }), true, 'looked up');
  t.equal(users.has({ userId, epoch: 0 }), true, 'remembered');
  t.equal(await users.has({ userId, epoch: 1 }), false, 'an epoch to come');
  t.equal(await users.has({ userId: userId + 1, epoch: 0 }), false, 'no such user');

  t.equal(await revokeTokens(sql, userId), 1);
  t.equal(users.has({ userId, epoch: 0 }), true, 'not seen yet');
  clock.advance(tokenRevocationPollMs);
  await waitFor('the revocation to be seen', () => users.has({ userId, epoch: 0 }) !== true);
  t.equal(await users.has({ userId, epoch: 0 }), false);
  t.equal(await users.has({ userId, epoch: 1 }), true);
});

t.test('an answer that comes late never brings a revoked epoch back', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const userId = await makeUser(sql);
  const users = openKnownUsers(sql, openFakeClock());
  users.remember(userId, 1);
  users.remember(userId, 0);
  t.not(users.has({ userId, epoch: 0 }), true);
  t.equal(users.has({ userId, epoch: 1 }), true);
});

t.test('while revocations cannot be read, nothing that is remembered counts', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const userId = await makeUser(sql);
  const clock = openFakeClock();
  const users = openKnownUsers(sql, clock);
  await users.has({ userId, epoch: 0 });
  await sql`alter table token_revocations rename to elsewhere`;
  await sql`update users set token_epoch = 1 where id = ${userId}`;
  // The poll begins in here and fails.
  clock.advance(tokenRevocationsTrustMs + 1);
  t.equal(await users.has({ userId, epoch: 0 }), false);
});
