import postgres from 'postgres';
import { databaseConnectTimeoutSeconds } from '../limits.ts';
import { socketOptions } from './socket.ts';

/**
 * While the password is being rotated there are two, and the server takes one of them. Which one, it is asked for every new
 * connection: it goes over from one to the other without telling, and connections that are open live on. Never rejects: when
 * the server is away, the connection that is about to be opened says so itself.
 */
export function openPasswordChoice(url: string, nextPassword: string): () => Promise<string> {
  const current = decodeURIComponent(new URL(url).password);
  let likely = current;
  return async () => {
    const tried = likely;
    if (await isRefused(url, tried)) likely = tried === current ? nextPassword : current;
    return likely;
  };
}

async function isRefused(url: string, password: string): Promise<boolean> {
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

/** invalid_password, by PostgreSQL's table of error codes. */
const wrongPassword = '28P01';
