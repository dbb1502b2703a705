import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { tryTool } from '../../scripts/lib/run-tool.ts';
import { drainUploadsMs, shutdownDeadlineMs, uploadDeadlineMs } from '../../src/limits.ts';
import { requireSetting } from '../support/settings.ts';
import { readProperty, readTemplate, renderTemplate } from './support/template.ts';

const folder = mkdtempSync(join(tmpdir(), 'template-'));
const path = await renderTemplate(folder);
const template = readTemplate(path);
const read = <T>(name: string, place: string) => readProperty<T>(template, name, place);

t.test('the linter finds nothing in the source or in the rendered template', async (t) => {
  const sources = ['scripts/aws/template.yaml', 'cloud_load_testing/generator.yaml'];
  for (const file of [...sources.map((name) => join(rootFolder, name)), path]) {
    const { code, output } = await tryTool(requireSetting('CFN_LINT'), [file], { timeoutMs: 120_000 });
    t.equal(code, 0, output);
  }
});

interface PolicyReport {
  summary: { passed: number };
  results: { failed_checks: { check_id: string; resource: string }[] };
}

t.test('the policy check finds exactly the documented exceptions', async (t) => {
  const args = ['--skip-download', '--framework', 'cloudformation', '-o', 'json', '-f', path];
  const { stdout } = await tryTool(requireSetting('CHECKOV'), args, { timeoutMs: 150_000 });
  const report = JSON.parse(stdout) as PolicyReport;
  const found = report.results.failed_checks.map(
    ({ check_id, resource }) => `${check_id} ${resource.split('.').at(-1)}`,
  );
  const text = readFileSync(join(rootFolder, 'scripts/aws/policy-exceptions.json'), 'utf8');
  const exceptions = JSON.parse(text) as Record<string, { resources: string[]; reason: string }>;
  const expected = Object.entries(exceptions).flatMap(([id, { resources }]) =>
    resources.map((name) => `${id} ${name}`),
  );
  t.same(found.sort(), expected.sort());
  for (const [id, { reason }] of Object.entries(exceptions)) t.ok(reason.length > 20, id);
  t.ok(report.summary.passed > 60, `${report.summary.passed} passed`);
});

t.test('timeouts of balancer and group match those of the service', async (t) => {
  const attributes = (name: string, list: string) =>
    Object.fromEntries(read<{ Key: string; Value: string }[]>(name, list).map(({ Key, Value }) => [Key, Value]));
  const idleSeconds = Number(attributes('Balancer', 'LoadBalancerAttributes')['idle_timeout.timeout_seconds']);
  t.ok(idleSeconds > 5 && idleSeconds <= 7, 'longer than our silence, shorter than our idle time-out');
  t.equal(attributes('Balancer', 'LoadBalancerAttributes')['routing.http.desync_mitigation_mode'], 'strictest');
  const target = attributes('TargetGroup', 'TargetGroupAttributes');
  t.ok(Number(target['deregistration_delay.timeout_seconds']) * 1000 > uploadDeadlineMs, 'an upload ends before');
  t.equal(target['load_balancing.algorithm.type'], 'least_outstanding_requests');
  const hooks = read<{ LifecycleHookName: string; HeartbeatTimeout: number }[]>(
    'WebInstances',
    'LifecycleHookSpecificationList',
  );
  const drain = hooks.find(({ LifecycleHookName }) => LifecycleHookName === 'drain');
  t.ok((drain?.HeartbeatTimeout ?? 0) * 1000 > uploadDeadlineMs + shutdownDeadlineMs, 'the drain ends before its hook');
  for (const unit of ['anb-web@.service', 'anb-worker.service']) {
    const text = readFileSync(join(rootFolder, 'scripts/aws/instance/units', unit), 'utf8');
    const stopSeconds = Number(/^TimeoutStopSec=(\d+)$/m.exec(text)?.[1]);
    t.ok(stopSeconds * 1000 > shutdownDeadlineMs && shutdownDeadlineMs > drainUploadsMs, unit);
  }
});

t.test('ports are open to their intended sources only', async (t) => {
  const rules = Object.entries(template.Resources)
    .filter(([, { Type }]) => Type === 'AWS::EC2::SecurityGroup')
    .flatMap(([name]) =>
      read<Record<string, unknown>[]>(name, 'SecurityGroupIngress').map((rule) => describeRule(name, rule)),
    );
  const conditional = Object.entries(template.Resources)
    .filter(([, { Type }]) => Type === 'AWS::EC2::SecurityGroupIngress')
    .map(([name, { Condition, Properties }]) => {
      const [group] = read<[string]>(name, 'GroupId.Fn::GetAtt');
      return `${describeRule(group, Properties)} if ${Condition}`;
    });
  t.same([...rules, ...conditional].sort(), [
    'BalancerGroup 443 from 0.0.0.0/0 if HasCertificate',
    'BalancerGroup 80 from 0.0.0.0/0',
    'DatabaseGroup 5432 from WebGroup',
    'DatabaseGroup 5432 from WorkerGroup',
    'WebGroup 22 from SshAddress if HasSshAddress',
    'WebGroup 8000 from BalancerGroup',
    'WorkerGroup 22 from SshAddress if HasSshAddress',
    'WorkerGroup 6379 from WebGroup',
  ]);
});

t.test('the instance type is the one that was measured, in a group of at most three', async (t) => {
  for (const name of ['WebTemplate', 'WorkerTemplate']) {
    t.match(read(name, 'LaunchTemplateData'), {
      InstanceType: { Ref: 'InstanceType' },
      Monitoring: { Enabled: true },
      MetadataOptions: { HttpEndpoint: 'enabled', HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
      BlockDeviceMappings: [{ Ebs: { VolumeSize: 30, Encrypted: true } }],
    });
  }
  t.equal(template.Parameters['InstanceType']?.Default, 't3.small');
  t.match(template.Parameters['WebMax'], { Default: 3, MaxValue: 3 });
  t.match(template.Parameters, {
    ScalingMetric: { Default: 'ASGAverageCPUUtilization' },
    ScalingTarget: { Default: 50 },
    DatabaseClass: { Default: 'db.t3.small' },
    DatabaseStopAt: { Default: '' },
    RateLimits: { Default: 'on' },
  });
  t.equal(read('Database', 'PubliclyAccessible'), false);
  t.equal(read('Database', 'AllocatedStorage'), '100');
  t.equal(read('Database', 'StorageEncrypted'), true);
  t.equal(read<Record<string, string>>('DatabaseParameters', 'Parameters')['rds.force_ssl'], '1');
  t.equal(template.Resources['Database']?.DeletionPolicy, 'Snapshot');
  t.match(read('Database', 'EngineVersion'), /^17\./);
  t.match(read('MediaBucket', 'LifecycleConfiguration.Rules'), [
    { Status: 'Enabled', AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
  ]);
  const notification = read<object>('CreditBudget', 'NotificationsWithSubscribers.0.Notification');
  t.match(notification, { NotificationType: 'FORECASTED', Threshold: 50 });
});

t.test('every alarm has a recipient, and every log expires', async (t) => {
  const named = (type: string) => Object.entries(template.Resources).filter(([, { Type }]) => Type === type);
  const alarms = named('AWS::CloudWatch::Alarm');
  t.ok(alarms.length >= 7);
  for (const [name] of alarms) t.match(read(name, 'AlarmActions'), [{ Ref: 'AlarmTopic' }], name);
  const logs = named('AWS::Logs::LogGroup');
  t.equal(logs.length, 3);
  for (const [name] of logs) t.equal(read(name, 'RetentionInDays'), 30, name);
});

function describeRule(group: string, rule: Record<string, unknown>): string {
  const source = (rule['CidrIp'] ?? rule['SourceSecurityGroupId']) as string | { Ref: string };
  return `${group} ${rule['FromPort']} from ${typeof source === 'string' ? source : source.Ref}`;
}
