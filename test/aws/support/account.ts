import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestScope } from '../../support/environment.ts';

export interface Account {
  endpoint: string;
  /** Requested changes, each with its action and target. */
  changes: string[];
}

/**
 * A proxy before the emulator, so that the commands of scripts/aws can run. Answers what the emulator does not support (instance
 * refresh), and rewrites what it fails on (templates by URL, a parameter group of the same stack).
 */
export async function startAccount(t: TestScope, emulator: string): Promise<Account> {
  const changes: string[] = [];
  const given = new Map<string, Map<string, string>>();
  const server = createServer(async (incoming, outgoing) => {
    const body = await readBody(incoming);
    const form = new URLSearchParams(body.toString('latin1'));
    const action = form.get('Action') ?? String(incoming.headers['x-amz-target'] ?? '').replace(/^.*\./, '');
    const what = describeChange(action, form, body);
    if (what !== undefined) changes.push(what);
    const known = answers[action];
    if (known !== undefined) return void outgoing.end(known);
    const { method = 'GET', headers } = incoming;
    const target = new URL(incoming.url ?? '/', emulator);
    const adapted =
      action === 'CreateChangeSet' ? changeStack(form, headers.host ?? '', given) : adapt(target.pathname, body);
    const length = headers['content-length'] === undefined ? {} : { 'content-length': String(adapted.length) };
    const call = request(target, { method, headers: { ...headers, ...length } }, (answer) => {
      if (action === 'CreateChangeSet' && answer.statusCode === 200) {
        answer.resume();
        return void outgoing.end(
          '<R><CreateChangeSetResult><Id>c-1</Id><StackId>s-1</StackId></CreateChangeSetResult></R>',
        );
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      return void answer.pipe(outgoing);
    });
    call.on('error', () => outgoing.destroy());
    call.end(adapted);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close().closeAllConnections());
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, changes };
}

function describeChange(action: string, form: URLSearchParams, body: Buffer): string | undefined {
  const named: Record<string, () => unknown> = {
    CreateChangeSet: () => form.get('StackName'),
    DeleteStack: () => form.get('StackName'),
    StartInstanceRefresh: () => form.get('AutoScalingGroupName'),
    ModifyDBInstance: () => (form.has('MasterUserPassword') ? 'password' : 'deletion protection'),
    PutParameter: () => JSON.parse(body.toString()).Name,
    DeleteParameter: () => JSON.parse(body.toString()).Name,
    PutSecretValue: () =>
      Object.keys(JSON.parse(JSON.parse(body.toString()).SecretString))
        .sort()
        .join(','),
    DeleteSecret: () => JSON.parse(body.toString()).SecretId,
    SendCommand: () => JSON.parse(body.toString()).Parameters.commands[0],
  };
  const name = named[action];
  return name === undefined ? undefined : `${action} ${name()}`;
}

/**
 * Change sets do not change parameters and outputs in the emulator. It gets each as an update, with the kept values
 * written out.
 */
function changeStack(form: URLSearchParams, host: string, kept: Map<string, Map<string, string>>): Buffer {
  const stack = form.get('StackName') ?? '';
  const given = kept.get(stack) ?? new Map<string, string>();
  kept.set(stack, given);
  form.set('Action', form.get('ChangeSetType') === 'CREATE' ? 'CreateStack' : 'UpdateStack');
  const address = form.get('TemplateURL');
  if (address !== null) form.set('TemplateURL', address.replace(`http://${host}/`, 'https://s3.amazonaws.com/'));
  const body = form.get('TemplateBody');
  if (body !== null) form.set('TemplateBody', unblock(body));
  const values = new Map<string, string>();
  const before = new Map(form);
  for (const [name, key] of before) {
    if (!name.startsWith('Parameters.')) continue;
    form.delete(name);
    if (!name.endsWith('.ParameterKey')) continue;
    const value = before.get(name.replace('ParameterKey', 'ParameterValue')) ?? given.get(key);
    if (value !== undefined) values.set(key, value);
  }
  for (const [i, [key, value]] of [...values].entries()) {
    form.set(`Parameters.member.${i + 1}.ParameterKey`, key);
    form.set(`Parameters.member.${i + 1}.ParameterValue`, value);
    given.set(key, value);
  }
  return Buffer.from(form.toString());
}

const answers: Record<string, string> = {
  DescribeChangeSet: '<R><DescribeChangeSetResult><Status>CREATE_COMPLETE</Status></DescribeChangeSetResult></R>',
  ExecuteChangeSet: '<R><ExecuteChangeSetResult/></R>',
  StartInstanceRefresh:
    '<R><StartInstanceRefreshResult><InstanceRefreshId>r-1</InstanceRefreshId></StartInstanceRefreshResult></R>',
  DescribeInstanceRefreshes:
    '<R><DescribeInstanceRefreshesResult><InstanceRefreshes><member><Status>Successful</Status></member></InstanceRefreshes></DescribeInstanceRefreshesResult></R>',
};

/** Keeps the length of a template, because it arrives in chunks with their lengths. */
function adapt(path: string, body: Buffer): Buffer {
  if (!path.endsWith('.template')) return body;
  return Buffer.from(unblock(body.toString('latin1')), 'latin1');
}

function unblock(template: string): string {
  return Object.entries(stumblingBlocks).reduce(
    (text, [block, instead]) => text.replace(block, instead.padEnd(block.length)),
    template,
  );
}

/** The emulator lacks Canonical's public parameter, and does not find a parameter group of the same stack. */
const stumblingBlocks = {
  '/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id': '/image',
  '!Ref DatabaseParameters': 'default.postgres17',
};

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
