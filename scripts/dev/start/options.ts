import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { UserError } from '../../lib/user-error.ts';

export interface StartOptions {
  isFresh: boolean;
  hasDemo: boolean;
  /** Video that the demo workflow uploads instead of a generated one. */
  videoPath: string | undefined;
  port: number;
  metricsPort: number;
  workerMetricsPort: number;
  webProcesses: number;
  dataDir: string;
  bucket: string;
  region: string;
}

export const usage = `npm start [-- OPTION ...]
  --fresh       delete the contents of DATA_DIR first
  --no-demo     skip the demo workflow, which runs on an empty database
  --video FILE  upload this MP4 in the demo workflow`;

export function readOptions(args: string[], env: NodeJS.ProcessEnv): StartOptions | 'help' {
  const values = parse(args);
  if (values.help) return 'help';
  const videoPath = values.video === undefined ? undefined : resolve(values.video);
  if (videoPath !== undefined && !existsSync(videoPath)) {
    throw new UserError(`Expected --video to name a file, got ${videoPath}, which does not exist.`);
  }
  return {
    isFresh: values.fresh ?? false,
    hasDemo: !(values['no-demo'] ?? false),
    videoPath,
    port: readInteger(env, 'PORT', 8000, 65_535),
    metricsPort: readInteger(env, 'METRICS_PORT', 9100, 65_000),
    workerMetricsPort: readInteger(env, 'WORKER_METRICS_PORT', 9200, 65_000),
    webProcesses: readInteger(env, 'WEB_PROCESSES', availableParallelism(), 64),
    dataDir: resolve(env['DATA_DIR'] || '.data'),
    bucket: env['S3_BUCKET_NAME'] || 'anb-rising-stars',
    region: env['AWS_REGION'] || 'us-east-1',
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        fresh: { type: 'boolean' },
        'no-demo': { type: 'boolean' },
        video: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UserError(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  }
}

function readInteger(env: NodeJS.ProcessEnv, name: string, fallback: number, max: number): number {
  const value = env[name];
  if (!value) return fallback;
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= 1 && number <= max) return number;
  throw new UserError(`Expected ${name} to be a whole number from 1 to ${max}, got ${JSON.stringify(value)}.`);
}
