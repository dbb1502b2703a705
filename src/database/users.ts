import type { AnySql } from './open.ts';

export interface NewUser {
  firstName: string;
  lastName: string;
  email: string;
  passwordHash: string;
  city: string | null;
  country: string | null;
}

export interface UserRow {
  id: number;
  first_name: string;
  last_name: string;
  email: string;
  city: string | null;
  country: string | null;
}

/** Inserts a user. Resolves to undefined when the address is taken: of concurrent sign-ups exactly one gets the row. */
export async function insertUser(sql: AnySql, user: NewUser): Promise<UserRow | undefined> {
  const [row] = await sql<UserRow[]>`
    insert into users (first_name, last_name, email, password_hash, city, country)
    values (${user.firstName}, ${user.lastName}, ${user.email}, ${user.passwordHash}, ${user.city}, ${user.country})
    on conflict (email) do nothing
    returning id, first_name, last_name, email, city, country`;
  return row;
}

export async function findUserByEmail(
  sql: AnySql,
  email: string,
): Promise<{ id: number; password_hash: string } | undefined> {
  const [row] = await sql<{ id: number; password_hash: string }[]>`
    select id, password_hash from users where email = ${email}`;
  return row;
}

export async function userExists(sql: AnySql, id: number): Promise<boolean> {
  const rows = await sql`select 1 from users where id = ${id}`;
  return rows.length > 0;
}

/** Replaces the hash that was verified. Resolves to false when it has changed since, so that no newer password is overwritten. */
export async function replacePasswordHash(
  sql: AnySql,
  change: { id: number; oldHash: string; newHash: string },
): Promise<boolean> {
  const { count } = await sql`
    update users set password_hash = ${change.newHash} where id = ${change.id} and password_hash = ${change.oldHash}`;
  return count > 0;
}
