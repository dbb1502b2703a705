import t from 'tap';
import {
  changePasswordHash,
  findTokenEpoch,
  listTokenRevocations,
  revokeTokens,
} from '../../src/database/token-epochs.ts';
import { tokenRevocationsKeptSeconds } from '../../src/limits.ts';
import { createMigratedDatabase } from './own-database.ts';
import { makeUser } from './some-rows.ts';

t.test('each revocation moves the epoch on and is listed; an unknown user has none', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const id = await makeUser(sql);
  t.equal(await findTokenEpoch(sql, id), 0);
  t.equal(await revokeTokens(sql, id), 1);
  t.equal(await revokeTokens(sql, id), 2);
  t.equal(await findTokenEpoch(sql, id), 2);
  t.strictSame([...(await listTokenRevocations(sql, 60))], [{ user_id: id, epoch: 2 }]);
  t.equal(await revokeTokens(sql, id + 1), undefined);
  t.equal(await findTokenEpoch(sql, id + 1), undefined);
});

t.test('of two changes of a password at once one is done, and moves the epoch', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const id = await makeUser(sql);
  const change = (newHash: string) => changePasswordHash(sql, { id, oldHash: 'hash', newHash });
  t.strictSame((await Promise.all([change('one'), change('two')])).sort(), [1, undefined]);
  t.equal(await findTokenEpoch(sql, id), 1);
});

t.test('revocations that no process needs any more are removed by the next one', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const [ana, ben] = [await makeUser(sql), await makeUser(sql)];
  await revokeTokens(sql, ana);
  await sql`update token_revocations set revoked_at = now() - ${tokenRevocationsKeptSeconds + 1} * interval '1 second'`;
  await revokeTokens(sql, ben);
  t.strictSame([...(await sql`select user_id from token_revocations`)], [{ user_id: ben }]);
});
