import fc from 'fast-check';
import t from 'tap';
import { anyBody, boundary, hostileBodies } from '../multipart/hostile-bodies.ts';
import { readByReference } from '../multipart/reference-parser.ts';
import { createEnvironment } from '../support/environment.ts';
import { createPlayer } from '../support/player.ts';
import { startService } from '../support/service.ts';
import { openFaultRun } from './support/fault-run.ts';
import { type RawOutcome, uploadRaw } from './support/raw-upload.ts';
import { faultEnvironment, settle } from './support/settle.ts';

const run = openFaultRun('hostile-bodies', 300, (rounds) => rounds * 50);
const atOnce = 8;
t.setTimeout(180_000 + run.rounds * 100);

t.test('hostile bodies over the wire: each is refused, none is stored, nothing hangs or dies', async (t) => {
  const environment = await createEnvironment(t, faultEnvironment);
  const service = await startService(t, environment);
  const { token } = await createPlayer(service.baseUrl);
  const bodies = [
    ...[...hostileBodies.values()].map((text) => Buffer.from(text, 'latin1')),
    ...fc.sample(anyBody, { numRuns: run.rounds, seed: run.seed }).map(spoil),
  ];
  const counts: Record<string, number> = {};
  const odd: { body: string; outcome: RawOutcome }[] = [];
  let next = 0;

  async function sendInTurn(): Promise<void> {
    for (let i = next++; i < bodies.length; i = next++) {
      const body = bodies[i] ?? Buffer.alloc(0);
      const chunkBytes = [undefined, 7, 512, 65_536][i % 4];
      // A long body would take too long at one byte a packet.
      const size = chunkBytes === 7 && body.length > 2_000 ? 512 : chunkBytes;
      const outcome = await uploadRaw({
        port: service.port,
        token,
        contentType: `multipart/form-data; boundary=${boundary}`,
        body,
        timeoutMs: 60_000,
        ...(size === undefined ? {} : { chunkBytes: size }),
      });
      const name = outcome.kind === 'answered' ? String(outcome.status) : outcome.reason;
      counts[name] = (counts[name] ?? 0) + 1;
      const isRefused = outcome.kind === 'answered' && [400, 422].includes(outcome.status);
      if (!isRefused) odd.push({ body: body.toString('latin1').slice(0, 500), outcome });
    }
  }
  await Promise.all(Array.from({ length: atOnce }, sendInTurn));

  t.strictSame(odd, [], 'each was refused');
  t.notOk(
    service.web.some((web) => web.hasExited()),
    'no process died',
  );
  const [rows] = await environment.sql<{ count: number }[]>`select count(*) from videos`;
  t.equal(rows?.count, 0, 'no row');
  const { swept, breaks } = await settle(environment, [service], []);
  t.strictSame(await environment.bucket.keys(), [], 'no object');
  t.strictSame(breaks, []);
  run.report({ bodies: bodies.length, stored: rows?.count ?? 0, ...counts, ...swept });
});

/** A body that is a good form after all loses its closing boundary. */
function spoil(body: Buffer): Buffer {
  const { parts, fault } = readByReference(body, boundary);
  const isStorable = ['video_file', 'title'].every((name) => parts.some((part) => part.name === name));
  if (fault !== undefined || !isStorable) return body;
  return spoil(body.subarray(0, body.lastIndexOf(`--${boundary}--`)));
}
