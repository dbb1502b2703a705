import { request } from '../../support/http.ts';
import type { Player } from '../../support/player.ts';

/**
 * Logs in repeatedly and uses the new token and the player's first one. Each request uses a new connection, so that every process is
 * reached. Retries a connection that a stopping process did not accept, because a balancer no longer uses such a target.
 */
export function startRequests(
  baseUrl: string,
  player: Player,
): { stop(): Promise<{ count: number; faults: string[] }> } {
  const faults: string[] = [];
  let count = 0;
  let isOver = false;

  async function ask(path: string, options: { token?: string; json?: unknown } = {}): Promise<string> {
    const answer = await persist(() => request(`${baseUrl}${path}`, options));
    count += 1;
    if (answer.status !== 200) faults.push(`${path}: ${answer.status} ${answer.text}`);
    return answer.text;
  }

  async function loop(): Promise<void> {
    const { email, password, token } = player;
    while (!isOver) {
      const answer = JSON.parse(await ask('/api/auth/login', { json: { email, password } })) as {
        access_token?: string;
      };
      for (const each of [token, answer.access_token ?? 'none', token, answer.access_token ?? 'none']) {
        await ask('/api/videos', { token: each });
      }
      await ask('/api/public/rankings');
    }
  }

  const loops = Promise.all([loop(), loop()]);
  return {
    async stop() {
      isOver = true;
      await loops;
      return { count, faults };
    },
  };
}

async function persist<T>(action: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await action();
    } catch (error) {
      const { code = '' } = error as { code?: string };
      if (tries === 20 || !['ECONNRESET', 'ECONNREFUSED'].includes(code)) throw error;
    }
  }
}
