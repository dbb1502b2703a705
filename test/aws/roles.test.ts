import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { readProperty, readTemplate, renderTemplate } from './support/template.ts';

/** Permissions that each function of the object store needs. HeadObject of a missing object also needs ListBucket. */
const actionsOf: Record<string, string[]> = {
  abortMultipart: ['s3:AbortMultipartUpload'],
  checkBucket: ['s3:ListBucket'],
  completeMultipart: ['s3:PutObject'],
  createMultipart: ['s3:PutObject'],
  deleteObject: ['s3:DeleteObject'],
  getToFile: ['s3:GetObject'],
  headObject: ['s3:GetObject', 's3:ListBucket'],
  listObjects: ['s3:ListBucket'],
  listOpenMultiparts: ['s3:ListBucketMultipartUploads'],
  presignGet: ['s3:GetObject'],
  // By lib-storage, which takes parts for a large file and aborts on its own.
  putFile: ['s3:PutObject', 's3:AbortMultipartUpload'],
  sendPart: ['s3:PutObject'],
};

interface Statement {
  Action: string | string[];
  Resource: unknown;
}
interface Policy {
  PolicyName: string;
  PolicyDocument: { Statement: Statement[] };
}

const template = readTemplate(await renderTemplate(mkdtempSync(join(tmpdir(), 'roles-'))));

t.test('each role has exactly the bucket permissions that its code uses', async (t) => {
  t.same(namedFunctions(), Object.keys(actionsOf).sort(), 'every function of the object store is known here');
  for (const [role, folders] of [
    ['WebRole', ['src/actions', 'src/queries', 'src/http']],
    ['WorkerRole', ['worker']],
  ] as const) {
    const called = new Set(
      folders.flatMap((folder) => calledFunctions(folder)).flatMap((name) => actionsOf[name] ?? []),
    );
    t.same(allowedActions(role, 'media'), [...called].sort(), role);
  }
});

t.test('each role may read exactly the secrets and parameters that its code reads', async (t) => {
  const source = readFileSync(join(rootFolder, 'src/aws-settings.ts'), 'utf8');
  const parameters = new Set([...source.matchAll(/'(\/app\/[\w-]+)'/g)].map(([, name = '']) => name));
  const secrets = new Set([...source.matchAll(/'(app\/[\w-]+)'/g)].map(([, name = '']) => name));
  t.equal(parameters.size, 5);
  t.equal(secrets.size, 2);
  for (const role of ['WebRole', 'WorkerRole']) {
    const [secretStatement, parameterStatement] = statements(role, 'settings');
    const named = ((secretStatement?.Resource ?? []) as { Ref: string }[]).map(({ Ref }) =>
      readProperty(template, Ref, 'Name'),
    );
    t.same(named.sort(), [...secrets].sort());
    const paths = ((parameterStatement?.Resource ?? []) as { 'Fn::Sub': string }[]).map((each) =>
      each['Fn::Sub'].split(':parameter').at(-1),
    );
    t.same(paths.sort(), [...parameters].sort());
    t.same(allowedActions(role, 'settings'), ['secretsmanager:GetSecretValue', 'ssm:GetParameter']);
  }
});

t.test('the calls that the start scripts sign are allowed', async (t) => {
  t.same(allowedActions('WebRole', 'release'), ['s3:GetObject']);
  t.same(allowedActions('WebRole', 'lifecycle'), ['autoscaling:CompleteLifecycleAction']);
  t.same(allowedActions('WorkerRole', 'lifecycle'), [
    'autoscaling:CompleteLifecycleAction',
    'route53:ChangeResourceRecordSets',
  ]);
  const steps = readFileSync(join(rootFolder, 'scripts/aws/instance/steps.sh'), 'utf8');
  const services = [...steps.matchAll(/\bsigned (\w+)/g)].map(([, name]) => name);
  t.same([...new Set(services)].sort(), ['autoscaling', 'route53', 'ssm']);
});

function statements(role: string, name: string): Statement[] {
  const policies = readProperty<Policy[]>(template, role, 'Policies');
  return policies.find(({ PolicyName }) => PolicyName === name)?.PolicyDocument.Statement ?? [];
}

function allowedActions(role: string, name: string): string[] {
  return [...new Set(statements(role, name).flatMap(({ Action }) => Action))].sort();
}

function namedFunctions(): string[] {
  const store = readFileSync(join(rootFolder, 'src/objects/store.ts'), 'utf8');
  const returned = store.slice(store.indexOf('  return {'));
  return [...returned.matchAll(/^ {4}(\w+)[:,]/gm)].map(([, name = '']) => name).sort();
}

function calledFunctions(folder: string): string[] {
  const files = readdirSync(join(rootFolder, folder), { recursive: true, encoding: 'utf8' });
  const text = files
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(rootFolder, folder, name), 'utf8'))
    .join('\n');
  return Object.keys(actionsOf).filter((name) => new RegExp(`\\.${name}\\b`).test(text));
}
