import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, logTail, startChild } from '../lib/child.ts';
import { UserError } from '../lib/user-error.ts';
import { waitFor } from '../lib/wait.ts';
import type { Server } from './server.ts';

export interface S3Options {
  binary: string;
  /** Holds one folder for the buckets and, where the file system keeps no extended attributes, one for the metadata. */
  folder: string;
  port: number;
  /** 12 digits: the gateway takes the access key for the bucket owner's account. */
  accessKeyId: string;
  secretAccessKey: string;
  region: string;
  logPath: string;
}

export interface S3Server extends Server {
  endpoint: string;
}

/** An S3 server of our own (versitygw) on the loopback address, over plain files. */
export async function startS3(options: S3Options): Promise<S3Server> {
  const sidecar = join(options.folder, 'sidecar');
  mkdirSync(join(options.folder, 'buckets'), { recursive: true });
  let child = existsSync(sidecar) ? await launch(options, sidecar) : await launch(options);
  if (child === undefined && !existsSync(sidecar) && /xattr/i.test(logTail(options.logPath))) {
    mkdirSync(sidecar);
    child = await launch(options, sidecar);
  }
  if (child === undefined)
    throw new UserError(`Expected the S3 server to start, got its end:\n${logTail(options.logPath)}`);
  const started = child;
  return {
    child: started,
    pid: started.pid,
    description: `S3 (versitygw) on 127.0.0.1:${options.port}`,
    endpoint: `http://127.0.0.1:${options.port}`,
    stop: async () => void (await started.stop()),
  };
}

/** Undefined when the server ended instead of answering. */
async function launch(options: S3Options, sidecar?: string): Promise<Child | undefined> {
  const child = await startChild({
    command: options.binary,
    args: [
      ...['--port', `127.0.0.1:${options.port}`, '--region', options.region],
      ...['--health', '/health', '--keep-alive', '--quiet', 'posix'],
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
  const answer = await waitFor('the S3 server to answer', async () => {
    if (child.hasExited()) return 'ended' as const;
    const response = await fetch(`http://127.0.0.1:${options.port}/health`, {
      signal: AbortSignal.timeout(1_000),
    });
    await response.arrayBuffer();
    return response.ok && ('ready' as const);
  });
  return answer === 'ready' ? child : undefined;
}
