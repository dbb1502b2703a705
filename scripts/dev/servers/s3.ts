import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, logTail, startChild } from '../../lib/child.ts';
import { answersOk, untilReady } from '../../lib/ready.ts';
import type { Server } from './server.ts';

export interface S3Options {
  binary: string;
  /** Has a folder for the buckets and, if the file system has no extended attributes, one for the metadata. */
  folder: string;
  port: number;
  /** 12 digits: the gateway uses the access key as the account of the bucket owner. */
  accessKeyId: string;
  secretAccessKey: string;
  region: string;
  logPath: string;
}

export interface S3Server extends Server {
  endpoint: string;
}

/** Starts an S3 server (versitygw) on the loopback address that stores plain files. */
export async function startS3(options: S3Options): Promise<S3Server> {
  const sidecar = join(options.folder, 'sidecar');
  mkdirSync(join(options.folder, 'buckets'), { recursive: true, mode: 0o700 });
  const child = await launch(options, existsSync(sidecar) ? sidecar : undefined).catch(async (error: unknown) => {
    // Without extended attributes the metadata is stored in files beside the objects.
    if (existsSync(sidecar) || !/xattr/i.test(logTail(options.logPath))) throw error;
    mkdirSync(sidecar);
    return launch(options, sidecar);
  });
  return {
    child,
    pid: child.pid,
    description: `S3 (versitygw) on 127.0.0.1:${options.port}`,
    endpoint: `http://127.0.0.1:${options.port}`,
    stop: async () => void (await child.stop()),
  };
}

async function launch(options: S3Options, sidecar: string | undefined): Promise<Child> {
  const child = await startChild({
    command: options.binary,
    args: [
      `--port=127.0.0.1:${options.port}`,
      `--region=${options.region}`,
      '--health=/health',
      '--keep-alive',
      '--quiet',
      'posix',
      ...(sidecar === undefined ? [] : ['--sidecar', sidecar]),
      join(options.folder, 'buckets'),
    ],
    env: {
      PATH: process.env['PATH'],
      RUN_MARK: process.env['RUN_MARK'],
      ROOT_ACCESS_KEY_ID: options.accessKeyId,
      ROOT_SECRET_ACCESS_KEY: options.secretAccessKey,
    },
    cwd: options.folder,
    logPath: options.logPath,
  });
  const { logPath, port } = options;
  await untilReady(child, { name: 'The S3 server', logPath }, () => answersOk(`http://127.0.0.1:${port}/health`));
  return child;
}
