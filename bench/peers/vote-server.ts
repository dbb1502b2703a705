import uws, { type HttpResponse } from 'uWebSockets.js';
import postgres from 'postgres';
import { openTokens } from '../../src/tokens.ts';

/**
 * Implements the vote as it is usually written, with the service's HTTP server and tokens. MODE=insert sends one INSERT and
 * keeps no counter. MODE=transaction inserts each vote and updates both counters in one transaction.
 */
const sql = postgres(process.env['DATABASE_URL'] ?? '', { max: 32 });
const tokens = openTokens({
  secretKey: process.env['SECRET_KEY'] ?? '',
  previousKey: undefined,
  lifetimeSeconds: 3600,
});
const vote = process.env['MODE'] === 'transaction' ? voteInTransaction : voteByInsert;
(uws as unknown as { _cfg: (option: 'silent') => void })._cfg('silent');

uws
  .App()
  .get('/', (res) => void res.end('ready'))
  .post('/api/public/videos/:id/vote', (res, req) => {
    const videoId = Number(req.getParameter(0));
    const userId = tokens.verify(req.getHeader('authorization').slice('Bearer '.length));
    let isAborted = false;
    res.onAborted(() => {
      isAborted = true;
    });
    const respond = (status: string, message: string) => {
      if (!isAborted) writeResponse(res, status, message);
    };
    if (userId === undefined) return respond('401 Unauthorized', 'Credenciales de autenticación inválidas.');
    vote(videoId, userId).then(
      (isCounted) => {
        if (isCounted) respond('200 OK', 'Vote successfully registered');
        else respond('400 Bad Request', 'You have already voted for this video');
      },
      () => respond('500 Internal Server Error', 'Internal server error'),
    );
  })
  .listen(Number(process.env['PORT']), () => undefined);

function writeResponse(res: HttpResponse, status: string, message: string): void {
  res.cork(() => {
    res.writeStatus(status);
    res.writeHeader('Content-Type', 'application/json');
    res.end(JSON.stringify({ message }));
  });
}

async function voteByInsert(videoId: number, userId: number): Promise<boolean> {
  const { count } = await sql`
    insert into votes (video_id, user_id) values (${videoId}, ${userId}) on conflict do nothing`;
  return count === 1;
}

function voteInTransaction(videoId: number, userId: number): Promise<boolean> {
  return sql.begin(async (tx) => {
    const { count } = await tx`
      insert into votes (video_id, user_id) values (${videoId}, ${userId}) on conflict do nothing`;
    if (count === 0) return false;
    const [video] = await tx`update videos set votes = votes + 1 where id = ${videoId} returning user_id`;
    await tx`update users set votes = votes + 1 where id = ${video?.['user_id']}`;
    return true;
  });
}
