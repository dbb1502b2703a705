import t from 'tap';
import { findUserByEmail, insertUser, replacePasswordHash } from '../../src/database/users.ts';
import { createMigratedDatabase } from './own-database.ts';
import { makeUser } from './some-rows.ts';

const ana = {
  firstName: 'Ána',
  lastName: "d'Ñ",
  email: 'Ana@example.com',
  passwordHash: 'h1',
  city: null,
  country: 'Perú',
};

t.test('a user is found by the address as it was given, and comes back as sent', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const user = await insertUser(sql, ana);
  t.strictSame(user, {
    id: 1,
    first_name: 'Ána',
    last_name: "d'Ñ",
    email: 'Ana@example.com',
    city: null,
    country: 'Perú',
  });
  t.strictSame(await findUserByEmail(sql, 'Ana@example.com'), {
    id: 1,
    email: 'Ana@example.com',
    password_hash: 'h1',
    token_epoch: 0,
  });
  t.equal(await findUserByEmail(sql, 'ana@example.com'), undefined);
});

t.test('of ten sign-ups with one address at once exactly one is done', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const users = await Promise.all(Array.from({ length: 10 }, () => insertUser(sql, ana)));
  t.equal(users.filter((user) => user !== undefined).length, 1);
  t.equal((await sql`select from users`).length, 1);
});

t.test('a hash replaces only the one that was verified', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const id = await makeUser(sql, { email: 'a@example.com' });
  t.equal(await replacePasswordHash(sql, { id, oldHash: 'other', newHash: 'new' }), false);
  t.equal(await replacePasswordHash(sql, { id, oldHash: 'hash', newHash: 'new' }), true);
  t.match(await findUserByEmail(sql, 'a@example.com'), { password_hash: 'new' });
});
