import uws, { type HttpResponse } from 'uWebSockets.js';
import postgres from 'postgres';
import { openTokens } from '../../src/tokens.ts';

/**
 * The vote as it is usually written, behind the same HTTP server and the same tokens as ours. MODE=insert: one INSERT, no
 * counter. MODE=transaction: a transaction for each vote that inserts it and moves both counters.
 */
const sql = postgres(process.env['DATABASE_URL'] ?? '', { max: 32 });
const tokens = openTokens({
  secretKey: process.env['SECRET_KEY'] ?? '',
  previousKey: undefined,
  lifetimeSeconds: 3600,
});
const cast = process.env['MODE'] === 'transaction' ? castInTransaction : castByInsert;
(uws as unknown as { _cfg: (option: 'silent') => void })._cfg('silent');

uws
  .App()
  .get('/', (res) => void res.end('ready'))
  .post('/api/public/videos/:id/vote', (res, req) => {
    const videoId = Number(req.getParameter(0));
    const userId = tokens.verify(req.getHeader('authorization').slice('Bearer '.length))?.userId;
    let isAborted = false;
    res.onAborted(() => {
      isAborted = true;
    });
    const answer = (status: string, message: string) => {
      if (!isAborted) writeAnswer(res, status, message);
    };
    if (userId === undefined) return answer('401 Unauthorized', 'Credenciales de autenticación inválidas.');
    cast(videoId, userId).then(
      (isCounted) => {
        if (isCounted) answer('200 OK', 'Vote successfully registered');
        else answer('400 Bad Request', 'You have already voted for this video');
      },
      () => answer('500 Internal Server Error', 'Internal server error'),
    );
  })
  .listen(Number(process.env['PORT']), () => undefined);

function writeAnswer(res: HttpResponse, status: string, message: string): void {
  res.cork(() => {
    res.writeStatus(status);
    res.writeHeader('Content-Type', 'application/json');
    res.end(JSON.stringify({ message }));
  });
}

async function castByInsert(videoId: number, userId: number): Promise<boolean> {
  const { count } = await sql`
    insert into votes (video_id, user_id) values (${videoId}, ${userId}) on conflict do nothing`;
  return count === 1;
}

function castInTransaction(videoId: number, userId: number): Promise<boolean> {
  return sql.begin(async (tx) => {
    const { count } = await tx`
      insert into votes (video_id, user_id) values (${videoId}, ${userId}) on conflict do nothing`;
    if (count === 0) return false;
    const [video] = await tx`update videos set votes = votes + 1 where id = ${videoId} returning user_id`;
    await tx`update users set votes = votes + 1 where id = ${video?.['user_id']}`;
    return true;
  });
}
