import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { findTarget } from '../../capacity_planning/lib/find-target.ts';
import { makeFolder } from './testbed.ts';

t.test('a target on another machine also needs --allow', async (t) => {
  const env = { DATA_DIR: makeFolder(t) };
  for (const url of ['http://127.0.0.1:8000/', 'http://localhost:8000', 'http://[::1]:8000'])
    t.equal((await findTarget(url, [], env)).baseUrl, url.replace(/\/$/, ''));
  for (const url of ['http://example.com', 'http://127.0.0.1.example.com', 'http://10.0.0.1:8000'])
    await t.rejects(findTarget(url, ['example.org'], env), /add --allow/);
  t.equal((await findTarget('https://example.com/x', ['example.com'], env)).baseUrl, 'https://example.com');
  await t.rejects(findTarget('nowhere', [], env), /Expected --target to be a URL/);
  await t.rejects(findTarget('file:///etc/passwd', [], env), /to be http or https/);
});

t.test('without --target the service that runs from DATA_DIR is found', async (t) => {
  const env = { DATA_DIR: makeFolder(t) };
  await t.rejects(findTarget(undefined, [], env), /Expected a running service/);
  const metricsUrls = { web: ['http://127.0.0.1:9100/metrics'], worker: [] };
  writeFileSync(join(env.DATA_DIR, 'run.json'), JSON.stringify({ baseUrl: 'http://localhost:8123', metricsUrls }));
  t.strictSame(await findTarget(undefined, [], env), {
    baseUrl: 'http://127.0.0.1:8123',
    metricsUrls: metricsUrls.web,
  });
});
