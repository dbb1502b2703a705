import { randomBytes, randomInt } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../lib/user-error.ts';
import { writePrivateFile } from '../../lib/write-file.ts';

export const secretsFile = 'secrets.json';

export interface Secrets {
  secretKey: string;
  postgresPassword: string;
  redisPassword: string;
  /** 12 digits like an AWS account, because the S3 server uses it as the account of the bucket owner. */
  s3AccessKeyId: string;
  s3SecretAccessKey: string;
}

/** Generated once per DATA_DIR, because the servers' data and the tokens of logged-in players depend on them. */
export function readSecrets(dataDir: string): Secrets {
  const path = join(dataDir, secretsFile);
  if (!existsSync(path) && existsSync(join(dataDir, 'postgres'))) {
    throw new UserError(
      `Expected ${path}, which holds the passwords of the data beside it, got no file: restore it, or delete ${dataDir} to start over.`,
    );
  }
  if (!existsSync(path)) writePrivateFile(path, `${JSON.stringify(generate(), undefined, 2)}\n`);
  const read = JSON.parse(readFileSync(path, 'utf8')) as Partial<Secrets>;
  const names = Object.keys(generate()) as (keyof Secrets)[];
  const missing = names.filter((name) => typeof read[name] !== 'string');
  if (missing.length > 0) {
    throw new UserError(
      `Expected ${path} to hold ${missing.join(', ')}, got none: start over with \`npm start -- --fresh\`.`,
    );
  }
  return read as Secrets;
}

function generate(): Secrets {
  return {
    secretKey: randomBytes(32).toString('hex'),
    postgresPassword: randomBytes(16).toString('hex'),
    redisPassword: randomBytes(16).toString('hex'),
    s3AccessKeyId: String(randomInt(100_000_000_000, 200_000_000_000)),
    s3SecretAccessKey: randomBytes(20).toString('hex'),
  };
}
