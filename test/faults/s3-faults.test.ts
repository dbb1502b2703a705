import t from 'tap';
import { createEnvironment } from '../support/environment.ts';
import { createPlayer } from '../support/player.ts';
import { startService } from '../support/service.ts';
import { openUploadClient } from './support/client.ts';
import { openFaultRun } from './support/fault-run.ts';
import { type S3Call, type S3Fault, type S3Rule, startS3Proxy } from './support/s3-proxy.ts';
import { faultEnvironment, settle, untilIdle } from './support/settle.ts';
import { startTcpProxy } from './support/tcp-proxy.ts';
import { makeVideo } from './support/video.ts';

interface Case {
  name: string;
  rule: S3Rule;
  /** The statuses that uploads may get; 503 by default. */
  allowed?: readonly number[];
}

const first = (operation: S3Call['operation'], fault: S3Fault, count = 1): S3Rule => {
  return (call) => (call.operation === operation && call.number <= count ? fault : undefined);
};
const always = (operation: S3Call['operation'], fault: S3Fault) => first(operation, fault, Number.POSITIVE_INFINITY);
const internalError: S3Fault = { kind: 'refuse', status: 500, code: 'InternalError' };
const slowDown: S3Fault = { kind: 'refuse', status: 503, code: 'SlowDown' };

const cases: readonly Case[] = [
  { name: 'Create is refused once', rule: first('Create', slowDown), allowed: [201] },
  { name: 'Create is always refused', rule: always('Create', internalError) },
  { name: 'the answer to Create is lost', rule: first('Create', { kind: 'loseAnswer' }), allowed: [201, 503] },
  { name: 'parts are refused once', rule: first('UploadPart', slowDown, 2), allowed: [201] },
  { name: 'parts are refused with 500 once', rule: first('UploadPart', internalError, 2), allowed: [201] },
  { name: 'parts are always refused', rule: always('UploadPart', slowDown) },
  { name: 'parts are not allowed', rule: always('UploadPart', { kind: 'refuse', status: 403, code: 'AccessDenied' }) },
  {
    name: 'a part is cut in its middle',
    rule: first('UploadPart', { kind: 'cutRequest', afterBytes: 2_000_000 }, 2),
    allowed: [201],
  },
  { name: 'parts are always cut', rule: always('UploadPart', { kind: 'cutRequest', afterBytes: 70_000 }) },
  { name: 'the answer to a part is lost', rule: first('UploadPart', { kind: 'loseAnswer' }, 3), allowed: [201] },
  { name: 'parts are slow', rule: always('UploadPart', { kind: 'delay', ms: 700 }), allowed: [201] },
  { name: 'the answer to Complete is lost', rule: first('Complete', { kind: 'loseAnswer' }, 2), allowed: [201] },
  { name: 'every answer to Complete is lost', rule: always('Complete', { kind: 'loseAnswer' }), allowed: [201] },
  { name: 'Complete is cut off', rule: always('Complete', { kind: 'cutRequest', afterBytes: 1 }) },
  { name: 'Complete is refused with 500', rule: always('Complete', internalError) },
  { name: 'Complete is refused with 503 once', rule: first('Complete', slowDown, 2), allowed: [201] },
  {
    name: 'Complete answers 200 with an error, done',
    rule: always('Complete', { kind: 'errorIn200', isDone: true }),
    allowed: [201],
  },
  {
    name: 'Complete answers 200 with an error, not done',
    rule: always('Complete', { kind: 'errorIn200', isDone: false }),
  },
  {
    name: 'Complete answers 200 with an error once',
    rule: first('Complete', { kind: 'errorIn200', isDone: false }, 2),
    allowed: [201],
  },
  { name: 'Complete says that all is well and does nothing', rule: always('Complete', { kind: 'lie' }) },
  {
    name: 'Complete answers nothing, done',
    rule: always('Complete', { kind: 'emptyAnswer', isDone: true }),
    allowed: [201],
  },
  { name: 'Complete answers nothing, not done', rule: always('Complete', { kind: 'emptyAnswer', isDone: false }) },
  {
    name: 'Complete is refused and so is every Abort',
    rule: (call) => (call.operation === 'Complete' || call.operation === 'Abort' ? internalError : undefined),
  },
  {
    name: 'the answers to Complete and to Head are lost',
    rule: (call) => (call.operation === 'Complete' || call.operation === 'Head' ? { kind: 'loseAnswer' } : undefined),
  },
  {
    name: 'parts are refused and Abort is never answered',
    rule: (call) =>
      call.operation === 'UploadPart' ? internalError : call.operation === 'Abort' ? { kind: 'hang' } : undefined,
  },
];

/** How long it takes to notice a fault that only a deadline ends. */
const slowCases: readonly Case[] = [
  { name: 'a part is never answered', rule: first('UploadPart', { kind: 'hang' }), allowed: [201] },
  { name: 'Create is never answered', rule: always('Create', { kind: 'hang' }) },
  { name: 'Complete is never answered', rule: always('Complete', { kind: 'hang' }) },
];

const sizes = [200_000, 5 * 1024 * 1024 + 1, 11_000_000];
const run = openFaultRun('s3', 1, (rounds) => Math.ceil(rounds / 20));
const casesOfRun = run.isLong ? [...cases, ...slowCases] : cases;
t.setTimeout(120_000 + run.rounds * 240_000);

t.test('whatever S3 does, acknowledged uploads are stored and nothing else is left', async (t) => {
  const environment = await createEnvironment(t, faultEnvironment);
  const proxy = await startS3Proxy(t, environment.values['S3_ENDPOINT'] ?? '');
  const service = await startService(t, environment, { env: { S3_ENDPOINT: proxy.endpoint } });
  const { token } = await createPlayer(service.baseUrl);
  const client = openUploadClient();
  const { port } = service;
  const nextNumber = countUp();
  for (let round = 0; round < run.rounds; round += 1) {
    for (const { name, rule, allowed = [503] } of casesOfRun) {
      proxy.setRule(rule);
      const outcomes = await Promise.all(
        sizes.map((size) =>
          client.upload(makeVideo(size + run.random.int(0, 99), nextNumber()), { port, token, timeoutMs: 120_000 }),
        ),
      );
      const odd = outcomes.filter((outcome) => outcome.kind !== 'answered' || !allowed.includes(outcome.status));
      t.strictSame(odd, [], name);
      proxy.setRule(() => undefined);
      await untilIdle(service);
    }
  }
  const { swept, breaks } = await settle(environment, [service], client.ledger);
  t.strictSame(breaks, []);
  t.strictSame(proxy.withoutOwner, [], 'every request names the owner');
  run.report({
    cases: casesOfRun.length,
    faults: proxy.faults(),
    acknowledged: client.ledger.length,
    lost: breaks.length,
    ...client.statuses,
    ...swept,
  });
});

t.test('a connection to S3 that is slow, cut or closed', async (t) => {
  const environment = await createEnvironment(t, faultEnvironment);
  const proxy = await startTcpProxy(t, { port: Number(new URL(environment.values['S3_ENDPOINT'] ?? '').port) });
  const endpoint = `http://127.0.0.1:${proxy.port}`;
  const service = await startService(t, environment, { env: { S3_ENDPOINT: endpoint } });
  const { token } = await createPlayer(service.baseUrl);
  const client = openUploadClient();
  const nextNumber = countUp(100_000);
  for (let round = 0; round < run.rounds; round += 1) {
    for (const fault of [
      { latencyMs: 20 },
      { bytesPerSecond: 20_000_000 },
      { cutAfterBytesSent: run.random.int(1, 9_000_000), how: run.random.pick(['fin', 'rst'] as const) },
      { swallowsAnswers: true },
      { refuses: true },
    ]) {
      proxy.setFault(fault);
      const uploads = sizes.map((size) =>
        client.upload(makeVideo(size, nextNumber()), { port: service.port, token, timeoutMs: 120_000 }),
      );
      const outcomes = await Promise.all(uploads);
      t.ok(
        outcomes.every((outcome) => outcome.kind === 'answered' && [201, 503].includes(outcome.status)),
        JSON.stringify(fault),
      );
      proxy.setFault({});
      proxy.cutAll();
      await untilIdle(service);
    }
  }
  const { swept, breaks } = await settle(environment, [service], client.ledger);
  t.strictSame(breaks, []);
  run.report({ acknowledged: client.ledger.length, lost: breaks.length, ...client.statuses, ...swept });
});

function countUp(from = 0): () => number {
  let number = from;
  return () => {
    number += 1;
    return number;
  };
}
