import { cpus } from 'node:os';
import { ConfigError } from './errors.ts';

/** What the service runs on. Made once at start, frozen, and passed down. Durations in seconds unless named otherwise. */
export interface Config {
  readonly port: number;
  readonly metricsPort: number;
  readonly workerMetricsPort: number;
  readonly webProcesses: number;
  readonly dataDir: string;
  readonly databaseUrl: string;
  /** While the database's password is being rotated: the one that comes after that of the address. */
  readonly databaseNextPassword: string | undefined;
  readonly redisUrl: string;
  readonly s3: S3Config;
  readonly tokens: TokenConfig;
  readonly ffmpegPath: string | undefined;
  readonly ffprobePath: string | undefined;
  readonly mediaHost: string | undefined;
  readonly trustedHops: number;
  readonly rateLimits: boolean;
  /** Whether requests over loopback are limited, too: for tests of the limits. */
  readonly rateLimitLoopback: boolean;
  /** Origins whose pages may use the API from a browser. */
  readonly corsOrigins: readonly string[];
  readonly sweepGraceSeconds: number;
  /** A job whose worker died runs again after a lock and two checks at the most. */
  readonly jobLockSeconds: number;
  readonly jobCheckSeconds: number;
  /** What a worker has in hand at once: by default one more than can encode, to be fetched and looked at meanwhile. */
  readonly jobsAtOnce: number;
  /** Threads of one FFmpeg. 0: as many as are useful for a job that runs alone, else one. */
  readonly jobThreads: number;
  /** Cores and memory that the worker may use. 0: those of the machine and of the control group. */
  readonly workerCores: number;
  readonly workerMemoryMiB: number;
  /** How often the line of jobs is held against the rows. */
  readonly queueSweepSeconds: number;
  readonly legacyTimeZone: string;
  readonly logLevel: string;
  readonly release: string;
}

export interface S3Config {
  /** Absent on AWS; set for any other S3 server, which is then addressed by path. */
  readonly endpoint: string | undefined;
  readonly bucket: string;
  readonly region: string;
  /** Both absent on AWS, where the instance's role signs. */
  readonly accessKeyId: string | undefined;
  readonly secretAccessKey: string | undefined;
  /** Sent as ExpectedBucketOwner on every call. */
  readonly accountId: string | undefined;
}

export interface TokenConfig {
  readonly secretKey: string;
  /** The key before the last rotation: still good for verifying. */
  readonly previousKey: string | undefined;
  readonly lifetimeSeconds: number;
}

export type Values = Readonly<Record<string, string | undefined>>;

/** Pure: reads only `values`. Throws one ConfigError that names every fault at once. */
export function loadConfig(values: Values): Config {
  const faults: string[] = [];
  const read = createReader(values, faults);
  const config: Config = {
    port: read.integer('PORT', 8000, 0, 65_535),
    metricsPort: read.integer('METRICS_PORT', 9100, 0, 65_535),
    workerMetricsPort: read.integer('WORKER_METRICS_PORT', 9200, 0, 65_535),
    webProcesses: read.integer('WEB_PROCESSES', Math.max(1, cpus().length), 1, 64),
    dataDir: values['DATA_DIR'] || '.data',
    databaseUrl: read.url('DATABASE_URL', ['postgres:', 'postgresql:']),
    databaseNextPassword: values['DATABASE_PASSWORD_NEXT'] || undefined,
    redisUrl: read.url('REDIS_URL', ['redis:', 'rediss:']),
    s3: readS3(values, read, faults),
    tokens: readTokens(values, read, faults),
    ffmpegPath: values['FFMPEG_PATH'] || undefined,
    ffprobePath: values['FFPROBE_PATH'] || undefined,
    mediaHost: values['MEDIA_HOST'] ? read.url('MEDIA_HOST', ['http:', 'https:']).replace(/\/+$/, '') : undefined,
    trustedHops: read.integer('TRUSTED_HOPS', 0, 0, 10),
    rateLimits: read.choice('RATE_LIMITS', 'on', ['on', 'off']) === 'on',
    rateLimitLoopback: read.choice('RATE_LIMIT_LOOPBACK', 'off', ['on', 'off']) === 'on',
    corsOrigins: read.origins('CORS_ORIGINS'),
    sweepGraceSeconds: read.integer('SWEEP_GRACE_SECONDS', 3600, 1, 31_536_000),
    jobLockSeconds: read.integer('JOB_LOCK_SECONDS', 10, 1, 60),
    jobCheckSeconds: read.integer('JOB_CHECK_SECONDS', 5, 1, 60),
    jobsAtOnce: read.integer('JOBS_AT_ONCE', Math.max(1, cpus().length) + 1, 1, 64),
    jobThreads: read.integer('JOB_THREADS', 0, 0, 64),
    workerCores: read.integer('WORKER_CORES', 0, 0, 64),
    workerMemoryMiB: read.integer('WORKER_MEMORY_MIB', 0, 0, 16_777_216),
    queueSweepSeconds: read.integer('QUEUE_SWEEP_SECONDS', 8, 1, 60),
    legacyTimeZone: values['LEGACY_TIME_ZONE'] || 'UTC',
    logLevel: read.choice('LOG_LEVEL', 'info', ['trace', 'debug', 'info', 'warn', 'error', 'silent']),
    release: values['RELEASE'] || 'development',
  };
  if (faults.length > 0) throw new ConfigError(`Cannot start: ${faults.join('; ')}.`);
  return deepFreeze(config);
}

function readS3(values: Values, read: Reader, faults: string[]): S3Config {
  const accessKeyId = values['AWS_ACCESS_KEY_ID'] || undefined;
  const secretAccessKey = values['AWS_SECRET_ACCESS_KEY'] || undefined;
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    faults.push('Expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to be set together, got only one');
  }
  const accountId = values['AWS_ACCOUNT_ID'] || undefined;
  if (accountId !== undefined && !/^\d{12}$/.test(accountId)) {
    faults.push('Expected AWS_ACCOUNT_ID to be 12 digits');
  }
  return {
    endpoint: values['S3_ENDPOINT'] ? read.url('S3_ENDPOINT', ['http:', 'https:']).replace(/\/+$/, '') : undefined,
    bucket: read.text('S3_BUCKET_NAME'),
    region: values['AWS_REGION'] || 'us-east-1',
    accessKeyId,
    secretAccessKey,
    accountId,
  };
}

function readTokens(values: Values, read: Reader, faults: string[]): TokenConfig {
  const algorithm = values['ALGORITHM'] || 'HS256';
  if (algorithm !== 'HS256') faults.push(`Expected ALGORITHM to be HS256, got ${algorithm}`);
  return {
    secretKey: read.text('SECRET_KEY'),
    previousKey: values['SECRET_KEY_PREVIOUS'] || undefined,
    lifetimeSeconds: read.integer('ACCESS_TOKEN_EXPIRE_SECONDS', 3600, 1, 31_536_000),
  };
}

type Reader = ReturnType<typeof createReader>;

function createReader(values: Values, faults: string[]) {
  return {
    text(name: string): string {
      const value = values[name];
      if (!value) faults.push(`Expected ${name} to be set, got nothing`);
      return value ?? '';
    },
    url(name: string, protocols: string[]): string {
      const value = values[name];
      if (!value) {
        faults.push(`Expected ${name} to be set, got nothing`);
        return '';
      }
      // The value may hold a password, so it is not repeated.
      if (!URL.canParse(value) || !protocols.includes(new URL(value).protocol)) {
        faults.push(
          `Expected ${name} to be an address beginning with ${protocols.join('// or ')}//, got something else`,
        );
      }
      return value;
    },
    integer(name: string, fallback: number, min: number, max: number): number {
      const value = values[name];
      if (!value) return fallback;
      const number = Number(value);
      if (/^\d+$/.test(value) && number >= min && number <= max) return number;
      faults.push(`Expected ${name} to be a whole number from ${min} to ${max}, got ${JSON.stringify(value)}`);
      return fallback;
    },
    /** A list with commas between; empty when nothing is set. */
    origins(name: string): string[] {
      const origins = (values[name] ?? '')
        .split(',')
        .map((each) => each.trim())
        .filter((each) => each !== '');
      const isOrigin = (text: string) => URL.canParse(text) && /^https?:/.test(text) && new URL(text).origin === text;
      const invalid = origins.find((each) => !isOrigin(each));
      if (invalid !== undefined) {
        faults.push(
          `Expected ${name} to be origins like https://www.example.com, separated by commas, got ${JSON.stringify(invalid)}`,
        );
      }
      return origins;
    },
    choice<const T extends string>(name: string, fallback: T, allowed: readonly T[]): T {
      const value = values[name] || fallback;
      const found = allowed.find((each) => each === value);
      if (found !== undefined) return found;
      faults.push(`Expected ${name} to be ${allowed.join(' or ')}, got ${JSON.stringify(value)}`);
      return fallback;
    },
  };
}

function deepFreeze<T extends object>(value: T): T {
  for (const each of Object.values(value)) if (typeof each === 'object' && each !== null) deepFreeze(each);
  return Object.freeze(value);
}
