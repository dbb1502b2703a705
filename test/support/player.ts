import { randomBytes } from 'node:crypto';
import { request } from './http.ts';

export interface Player {
  id: number;
  email: string;
  password: string;
  token: string;
}

/** Creates a user by sign-up and log-in over HTTP. */
export async function createPlayer(baseUrl: string, fields: Record<string, string> = {}): Promise<Player> {
  const email = `player-${randomBytes(6).toString('hex')}@example.com`;
  const password = 'long enough';
  const form = { first_name: 'Ana', last_name: 'Ruiz', email, city: 'Bogotá', country: 'Colombia', ...fields };
  const signUp = await request(`${baseUrl}/api/auth/signup`, {
    json: { ...form, password1: password, password2: password },
  });
  if (signUp.status !== 201) throw new Error(`Expected sign-up to answer 201, got ${signUp.status} ${signUp.text}`);
  const logIn = await request(`${baseUrl}/api/auth/login`, { json: { email: form.email, password } });
  if (logIn.status !== 200) throw new Error(`Expected log-in to answer 200, got ${logIn.status} ${logIn.text}`);
  const { id } = signUp.json<{ id: number }>();
  return { id, email: form.email, password, token: logIn.json<{ access_token: string }>().access_token };
}
