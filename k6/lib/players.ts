import { call } from './requests.ts';

export interface Player {
  email: string;
  password: string;
  token: string;
}

const atOnce = 8;

/** Signs players up and logs them in, a few at a time, because hashing a password is slow by design. */
export async function makePlayers(count: number): Promise<Player[]> {
  const players: Player[] = [];
  const mark = `${Date.now()}-${Math.floor(Math.random() * 1e6)}`;
  for (let from = 0; from < count; from += atOnce) {
    const size = Math.min(atOnce, count - from);
    players.push(
      ...(await Promise.all(
        Array.from({ length: size }, (_, i) => makePlayer(`load-${mark}-${from + i}@example.com`)),
      )),
    );
  }
  return players;
}

async function makePlayer(email: string): Promise<Player> {
  const password = 'a password for load';
  const form = {
    first_name: 'Load',
    last_name: 'Player',
    email,
    city: 'Cali',
    password1: password,
    password2: password,
  };
  const signUp = await call({ ...asSetup, path: '/api/auth/signup', json: form, statuses: [201] });
  if (signUp.status !== 201) throw new Error(`Expected sign-up to return 201, got ${signUp.status} ${signUp.body}`);
  const logIn = await call({ ...asSetup, path: '/api/auth/login', json: { email, password }, statuses: [200] });
  if (logIn.status !== 200) throw new Error(`Expected log-in to return 200, got ${logIn.status} ${logIn.body}`);
  return { email, password, token: (logIn.json() as { access_token: string }).access_token };
}

const asSetup = { name: 'setup', method: 'POST', isSetup: true };
