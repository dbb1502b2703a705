import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { runTool } from '../../scripts/lib/run-tool.ts';
import { requireSetting } from '../support/settings.ts';
import { readTemplate, renderTemplate } from './support/template.ts';

interface Seen {
  status: string;
  resources: Record<string, string>;
  launchTemplates: number;
  groups: [string, number][];
  balancers: number;
  databases: string[];
  parameters: string[];
}

/** Types that the emulator skips while it reports CREATE_COMPLETE. This test proves nothing about them. */
const skippedTypes = [
  'AWS::AutoScaling::ScalingPolicy',
  'AWS::Budgets::Budget',
  'AWS::CloudWatch::Alarm',
  'AWS::Logs::MetricFilter',
  'AWS::S3::BucketPolicy',
  'AWS::SNS::TopicPolicy',
  'AWS::SSM::Association',
  'AWS::SecretsManager::Secret',
  'AWS::SecretsManager::SecretTargetAttachment',
];

t.test('the stack is created, updated and deleted by the emulator', async (t) => {
  const path = await renderTemplate(mkdtempSync(join(tmpdir(), 'stack-')));
  const python = join(requireSetting('MOTO_SERVER'), '../python');
  const script = join(rootFolder, 'test/aws/support/stack.py');
  const { stdout } = await runTool(python, [script, path], { timeoutMs: 150_000 });
  const seen = JSON.parse(stdout) as { created: Seen; updated: Seen; deleted: Record<string, number> };

  t.equal(seen.created.status, 'CREATE_COMPLETE');
  t.match(seen.created, { launchTemplates: 2, balancers: 1, databases: ['postgres'] });
  t.same(seen.created.groups.sort(), [
    ['anb-web', 3],
    ['anb-worker', 1],
  ]);
  t.same(seen.created.parameters.sort(), ['/app/aws-account-id', '/app/redis-hostname', '/app/s3-bucket']);
  t.equal(seen.updated.status, 'UPDATE_COMPLETE');
  t.same(seen.updated.groups.sort(), [
    ['anb-web', 2],
    ['anb-worker', 1],
  ]);
  t.same(seen.deleted, { stacks: 1, networks: 0, balancers: 0, groups: 0, databases: 0 });

  const unconditional = Object.entries(readTemplate(path).Resources).filter(
    ([, { Condition }]) => Condition === undefined,
  );
  const skipped = unconditional.filter(([name]) => !(name in seen.created.resources)).map(([, { Type }]) => Type);
  t.same([...new Set(skipped)].sort(), skippedTypes);
});
