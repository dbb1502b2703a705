import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findFfmpeg } from '../../dev/servers/ffmpeg.ts';
import { findPostgresBinaries } from '../../dev/servers/postgres-binaries.ts';
import { findRedisBinary } from '../../dev/servers/redis-binary.ts';
import { findS3Binary } from '../../dev/servers/s3-binary.ts';
import { installPackages } from '../../lib/apt.ts';
import { toolsFolder } from '../../lib/paths.ts';
import { installPythonPackage } from '../../lib/python.ts';
import { findOnPath, isExecutable } from '../../lib/run-tool.ts';
import { sayOnTerminal as say, step } from '../../lib/steps.ts';
import { UserError } from '../../lib/user-error.ts';

interface PythonTool {
  folder: string;
  requirement: string;
  program: string;
}

const pythonTools: Record<string, PythonTool> = {
  CFN_LINT: { folder: 'cfn-lint', requirement: 'cfn-lint==1.58.0', program: 'cfn-lint' },
  CHECKOV: { folder: 'checkov', requirement: 'checkov==3.3.30', program: 'checkov' },
  AWS_CLI: { folder: 'awscli', requirement: 'awscli==1.46.2', program: 'aws' },
  MOTO_SERVER: { folder: 'moto', requirement: 'moto[server,cloudformation]==5.2.5', program: 'moto_server' },
};
const systemTools = { shellcheck: 'shellcheck', 'systemd-analyze': 'systemd', curl: 'curl', nginx: 'nginx-light' };

/** Installs all tools, because some tests run in a network without internet access. The environment tells the tests where they are. */
export async function installTools(): Promise<void> {
  await Promise.all([installPythonTools(), installSystemTools()]);
  await Promise.all([findS3Binary(), findRedisBinary(), findPostgresBinaries(), findFfmpeg()]);
}

/** Two at a time, for two cores. */
async function installPythonTools(): Promise<void> {
  const waiting = Object.entries(pythonTools);
  const installNext = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      process.env[next[0]] = await installPythonTool(next[1]);
    }
  };
  await Promise.all([installNext(), installNext()]);
}

async function installSystemTools(): Promise<void> {
  for (const [program, name] of Object.entries(systemTools)) {
    if (findOnPath(program) !== undefined) continue;
    await step(
      say,
      () => `${program} installed`,
      async () => {
        if (!(await installPackages([name]))) throw new UserError(`Expected ${program} to be installed, got none`);
      },
    );
  }
}

async function installPythonTool(tool: PythonTool): Promise<string> {
  const folder = join(toolsFolder(), 'aws', tool.folder);
  const program = join(folder, 'bin', tool.program);
  if (isExecutable(program)) return program;
  mkdirSync(folder, { recursive: true });
  await step(
    say,
    () => `${tool.requirement} installed`,
    () => installPythonPackage(folder, tool.requirement),
  );
  return program;
}
