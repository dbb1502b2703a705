import { readFileSync } from 'node:fs';
import t from 'tap';
import { makeClip } from '../support/clip.ts';
import { createEnvironment } from '../support/environment.ts';
import { buildUploadForm } from '../support/multipart.ts';

type Handler = () => Promise<void> | void;

/** Replaces a test's scope, so that its teardown can be observed. */
function collectTeardowns() {
  const handlers: Handler[] = [];
  return {
    teardown: (handler: Handler) => void handlers.unshift(handler),
    async run(): Promise<string[]> {
      const errors: string[] = [];
      for (const handler of handlers) {
        try {
          await handler();
        } catch (error) {
          errors.push(error instanceof Error ? error.message : String(error));
        }
      }
      return errors;
    },
  };
}

t.test('an environment without leftovers is removed without an error', async (t) => {
  const scope = collectTeardowns();
  const { sql, config } = await createEnvironment(scope);
  const [row] = await sql`select count(*)::int as users from users`;
  t.equal(row?.['users'], 0);
  t.match(config.s3.accountId, /^\d{12}$/);
  t.same(await scope.run(), []);
});

t.test('an object without a row, an open multipart upload and a file are each reported', async (t) => {
  const scope = collectTeardowns();
  const environment = await createEnvironment(scope);
  const { objects, config } = environment;
  await objects.createMultipart('uploads/open.mp4', 'video/mp4', AbortSignal.timeout(60_000));
  await objects.putFile('uploads/stray.mp4', await makeClip(), 'video/mp4', AbortSignal.timeout(60_000));
  await objects.getToFile('uploads/stray.mp4', `${config.dataDir}/stray.mp4`, AbortSignal.timeout(60_000));
  const [error = ''] = await scope.run();
  t.match(error, /an object without a row: uploads\/stray\.mp4/);
  t.match(error, /an open multipart upload: uploads\/open\.mp4/);
  t.match(error, /a file in DATA_DIR: .*stray\.mp4/);
});

t.test('an object that an intent names is no leftover', async (t) => {
  const scope = collectTeardowns();
  const { objects, sql } = await createEnvironment(scope);
  await sql`insert into object_intents (key) values ('uploads/kept.mp4')`;
  await objects.putFile('uploads/kept.mp4', await makeClip(), 'video/mp4', AbortSignal.timeout(60_000));
  t.same(await scope.run(), []);
});

t.test('a form holds its parts between the boundaries', async (t) => {
  const { body, headers } = buildUploadForm(readFileSync(await makeClip()), 'Título');
  const boundary = headers['content-type'].split('boundary=')[1] ?? '';
  t.equal(body.toString('latin1').split(`--${boundary}`).length, 4);
  t.match(body.toString('utf8'), 'name="title"\r\n\r\nTítulo\r\n');
});
