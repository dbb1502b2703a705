import postgres from 'postgres';
import { databaseConnectTimeoutSeconds } from '../limits.ts';
import { socketOptions } from './socket.ts';

/**
 * Returns the password for each new connection while the password is being rotated. There are two then, and the server accepts
 * one of them; it changes from one to the other at any moment, while open connections stay. The password is therefore tried
 * before each connection. Never rejects: when the server is unreachable, the connection to be opened reports it.
 */
export function openPasswordChoice(url: string, nextPassword: string): () => Promise<string> {
  const current = decodeURIComponent(new URL(url).password);
  let accepted = current;
  return async () => {
    const tried = accepted;
    if (await isRejected(url, tried)) accepted = tried === current ? nextPassword : current;
    return accepted;
  };
}

async function isRejected(url: string, password: string): Promise<boolean> {
  const sql = postgres(url, {
    password,
    max: 1,
    fetch_types: false,
    connect_timeout: databaseConnectTimeoutSeconds,
    ...socketOptions(url, databaseConnectTimeoutSeconds * 1000),
    onnotice: () => {},
  });
  try {
    await sql`select 1`;
    return false;
  } catch (error) {
    return (error as { code?: string }).code === wrongPassword;
  } finally {
    await sql.end({ timeout: 1 }).catch(() => {});
  }
}

/** `invalid_password` in PostgreSQL's table of error codes. */
const wrongPassword = '28P01';
