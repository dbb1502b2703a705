import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { rootFolder } from '../../../scripts/lib/paths.ts';
import { runTool, type ToolResult, tryTool } from '../../../scripts/lib/run-tool.ts';
import type { TestScope } from '../../support/environment.ts';
import { requireSetting } from '../../support/settings.ts';
import { startAccount } from './account.ts';
import { startMoto } from './moto.ts';

/** Not us-east-1, for which the AWS CLI has some fixed addresses. */
const region = 'us-west-2';
export const releaseBucket = `anb-releases-123456789012-${region}`;

export interface CommandResult extends ToolResult {
  /** Changes in the account. */
  changes: string[];
}

/** Opens an account in the emulator for the AWS CLI and the commands, whose prompts are answered with `words`. */
export async function openCommands(t: TestScope) {
  const folder = mkdtempSync(join(tmpdir(), 'commands-'));
  const account = await startAccount(t, await startMoto(t, folder, { MOTO_EC2_LOAD_DEFAULT_AMIS: 'true' }));
  const env = {
    ...process.env,
    PATH: `${dirname(requireSetting('AWS_CLI'))}${delimiter}${process.env['PATH']}`,
    AWS_ENDPOINT_URL: account.endpoint,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: 'testing',
    AWS_SECRET_ACCESS_KEY: 'testing',
    POLL_SECONDS: '0',
  };
  const aws = async (...args: string[]) => (await runTool('aws', [...args, '--output', 'text'], { env })).stdout.trim();
  const image = await aws('ec2', 'describe-images', '--query', 'Images[0].ImageId');
  await aws('ssm', 'put-parameter', '--name', '/image', '--type', 'String', '--value', image);

  async function run(command: string, args: string[], words = ''): Promise<CommandResult> {
    account.changes.length = 0;
    const script = 'w=$1; shift; printf %b "$w" | "$0" "$@"';
    const path = join(rootFolder, command);
    const result = await tryTool('bash', ['-c', script, path, words, ...args], { env });
    return { ...result, changes: [...account.changes] };
  }

  const ofStack = (query: string) =>
    aws('cloudformation', 'describe-stacks', '--stack-name', 'anb', '--query', `Stacks[0].${query}`);
  return { folder, account, aws, run, ofStack };
}
