import { isIP } from 'node:net';
import { cpus } from 'node:os';
import { ConfigError } from './errors.ts';
import { secretKeyMinBytes } from './limits.ts';
import { type Network, readNetworks } from './trusted-networks.ts';

/** The settings of a web process. Loaded once at start, frozen, and passed down. Durations in seconds unless named otherwise. */
export interface Config extends WorkerConfig {
  readonly tokens: TokenConfig;
}

/** The settings of a process that neither issues nor verifies tokens, and so does not get their key. */
export interface WorkerConfig {
  /** The address that a web process listens on. Undefined for all addresses of the machine. */
  readonly host: string | undefined;
  readonly port: number;
  readonly metricsPort: number;
  readonly workerMetricsPort: number;
  readonly webProcesses: number;
  readonly dataDir: string;
  readonly databaseUrl: string;
  /** The database's next password, while its password is being rotated. The URL holds the current one. */
  readonly databaseNextPassword: string | undefined;
  readonly redisUrl: string;
  readonly s3: S3Config;
  readonly ffmpegPath: string | undefined;
  readonly ffprobePath: string | undefined;
  /** Whether the worker runs FFmpeg with its own rights when no sandbox works. Otherwise it does not start. */
  readonly allowsUnsandboxed: boolean;
  readonly mediaHost: string | undefined;
  readonly trustedHops: number;
  /** Networks of the proxies whose X-Forwarded-For is trusted. */
  readonly trustedProxies: readonly Network[];
  readonly rateLimits: boolean;
  /** Whether requests from loopback are rate limited as well, which tests of the limits need. */
  readonly rateLimitLoopback: boolean;
  /** Maximum total size of a user's original videos. */
  readonly userQuotaBytes: number;
  /** Origins whose pages may use the API from a browser. */
  readonly corsOrigins: readonly string[];
  readonly sweepGraceSeconds: number;
  /** A job whose worker died is restarted after one lock and two checks at the latest. */
  readonly jobLockSeconds: number;
  readonly jobCheckSeconds: number;
  /** Concurrent jobs of a worker. By default one more than can encode, so that its download and probe run meanwhile. */
  readonly jobsAtOnce: number;
  /** Threads of each FFmpeg. 0: as many as are useful for a job that runs alone, else one. */
  readonly jobThreads: number;
  /** Cores and memory that the worker may use. 0: those of the machine and of the control group. */
  readonly workerCores: number;
  readonly workerMemoryMiB: number;
  /** Interval of the check that compares the queue with the database. */
  readonly queueSweepSeconds: number;
  readonly legacyTimeZone: string;
  readonly logLevel: string;
  readonly release: string;
}

export interface S3Config {
  /** Undefined on AWS. Set for any other S3 server, which is then addressed by path. */
  readonly endpoint: string | undefined;
  readonly bucket: string;
  readonly region: string;
  /** Both undefined on AWS, where the instance's role signs requests. */
  readonly accessKeyId: string | undefined;
  readonly secretAccessKey: string | undefined;
  /** The account that must own the bucket: sent as ExpectedBucketOwner with every call. */
  readonly accountId: string | undefined;
}

export interface TokenConfig {
  readonly secretKey: string;
  /** The key before the last rotation, which still verifies tokens. */
  readonly previousKey: string | undefined;
  readonly lifetimeSeconds: number;
  /** Whether a key is shorter than `secretKeyMinBytes`, which ALLOW_WEAK_SECRET permits. */
  readonly isWeak: boolean;
}

export type Values = Readonly<Record<string, string | undefined>>;

/** Builds the configuration from `values` alone. Throws one ConfigError that reports every invalid setting. */
export function loadConfig(values: Values): Config {
  return load(values, (read, errors, config) => ({ ...config, tokens: readTokens(values, read, errors) }));
}

/** Builds the same configuration without the key of the tokens. */
export function loadWorkerConfig(values: Values): WorkerConfig {
  return load(values, (_read, _errors, config) => config);
}

function load<C extends WorkerConfig>(
  values: Values,
  complete: (read: Reader, errors: string[], config: WorkerConfig) => C,
): C {
  const errors: string[] = [];
  const read = createReader(values, errors);
  const config = complete(read, errors, readShared(values, read, errors));
  if (errors.length > 0) throw new ConfigError(`Cannot start: ${errors.join('; ')}.`);
  return deepFreeze(config);
}

function readShared(values: Values, read: Reader, errors: string[]): WorkerConfig {
  return {
    host: readHost(values, errors),
    port: read.integer('PORT', 8000, 0, 65_535),
    metricsPort: read.integer('METRICS_PORT', 9100, 0, 65_535),
    workerMetricsPort: read.integer('WORKER_METRICS_PORT', 9200, 0, 65_535),
    webProcesses: read.integer('WEB_PROCESSES', Math.max(1, cpus().length), 1, 64),
    dataDir: values['DATA_DIR'] || '.data',
    databaseUrl: read.url('DATABASE_URL', ['postgres:', 'postgresql:']),
    databaseNextPassword: values['DATABASE_PASSWORD_NEXT'] || undefined,
    redisUrl: read.url('REDIS_URL', ['redis:', 'rediss:']),
    s3: readS3(values, read, errors),
    ffmpegPath: values['FFMPEG_PATH'] || undefined,
    ffprobePath: values['FFPROBE_PATH'] || undefined,
    allowsUnsandboxed: read.choice('ALLOW_UNSANDBOXED', 'off', ['on', 'off']) === 'on',
    mediaHost: values['MEDIA_HOST'] ? read.url('MEDIA_HOST', ['http:', 'https:']).replace(/\/+$/, '') : undefined,
    trustedHops: read.integer('TRUSTED_HOPS', 0, 0, 10),
    trustedProxies: readNetworks(values['TRUSTED_PROXIES'], errors),
    rateLimits: read.choice('RATE_LIMITS', 'on', ['on', 'off']) === 'on',
    rateLimitLoopback: read.choice('RATE_LIMIT_LOOPBACK', 'off', ['on', 'off']) === 'on',
    userQuotaBytes: read.integer('USER_QUOTA_BYTES', 5 * 1024 ** 3, 1, Number.MAX_SAFE_INTEGER),
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
}

function readHost(values: Values, errors: string[]): string | undefined {
  const host = values['HOST'] || undefined;
  if (host !== undefined && isIP(host) === 0)
    errors.push(`Expected HOST to be an IP address, got ${JSON.stringify(host)}`);
  return host;
}

function readS3(values: Values, read: Reader, errors: string[]): S3Config {
  const accessKeyId = values['AWS_ACCESS_KEY_ID'] || undefined;
  const secretAccessKey = values['AWS_SECRET_ACCESS_KEY'] || undefined;
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    errors.push('Expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to be set together, got only one of them');
  }
  const accountId = values['AWS_ACCOUNT_ID'] || undefined;
  if (accountId !== undefined && !/^\d{12}$/.test(accountId)) {
    errors.push(`Expected AWS_ACCOUNT_ID to be 12 digits, got ${JSON.stringify(accountId)}`);
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

function readTokens(values: Values, read: Reader, errors: string[]): TokenConfig {
  const algorithm = values['ALGORITHM'] || 'HS256';
  if (algorithm !== 'HS256') errors.push(`Expected ALGORITHM to be HS256, got ${algorithm}`);
  const keys = ['SECRET_KEY', 'SECRET_KEY_PREVIOUS'];
  const weak = keys.filter((name) => values[name] && Buffer.byteLength(values[name]) < secretKeyMinBytes);
  const isAllowed = read.choice('ALLOW_WEAK_SECRET', 'off', ['on', 'off']) === 'on';
  if (!isAllowed)
    for (const name of weak)
      errors.push(
        `Expected ${name} to have at least ${secretKeyMinBytes} bytes, got ${Buffer.byteLength(values[name] ?? '')}: generate one with \`openssl rand -hex 32\`, or set ALLOW_WEAK_SECRET=on to keep the older system's key`,
      );
  return {
    secretKey: read.text('SECRET_KEY'),
    previousKey: values['SECRET_KEY_PREVIOUS'] || undefined,
    lifetimeSeconds: read.integer('ACCESS_TOKEN_EXPIRE_SECONDS', 3600, 1, 31_536_000),
    isWeak: weak.length > 0,
  };
}

type Reader = ReturnType<typeof createReader>;

function createReader(values: Values, errors: string[]) {
  return {
    text(name: string): string {
      const value = values[name];
      if (!value) errors.push(`Expected ${name} to be set, got nothing`);
      return value ?? '';
    },
    url(name: string, protocols: string[]): string {
      const value = values[name];
      if (!value) {
        errors.push(`Expected ${name} to be set, got nothing`);
        return '';
      }
      // The value may hold a password, so the message does not quote it.
      if (!URL.canParse(value) || !protocols.includes(new URL(value).protocol)) {
        errors.push(`Expected ${name} to be a URL that begins with ${protocols.join('// or ')}//, got another value`);
      }
      return value;
    },
    integer(name: string, fallback: number, min: number, max: number): number {
      const value = values[name];
      if (!value) return fallback;
      const number = Number(value);
      if (/^\d+$/.test(value) && number >= min && number <= max) return number;
      errors.push(`Expected ${name} to be a whole number from ${min} to ${max}, got ${JSON.stringify(value)}`);
      return fallback;
    },
    /** Parses a list separated by commas. Returns an empty list when the setting is missing. */
    origins(name: string): string[] {
      const origins = (values[name] ?? '')
        .split(',')
        .map((each) => each.trim())
        .filter((each) => each !== '');
      const isOrigin = (text: string) => URL.canParse(text) && /^https?:/.test(text) && new URL(text).origin === text;
      const invalid = origins.find((each) => !isOrigin(each));
      if (invalid !== undefined) {
        errors.push(
          `Expected ${name} to be origins like https://www.example.com, separated by commas, got ${JSON.stringify(invalid)}`,
        );
      }
      return origins;
    },
    choice<const T extends string>(name: string, fallback: T, allowed: readonly T[]): T {
      const value = values[name] || fallback;
      const found = allowed.find((each) => each === value);
      if (found !== undefined) return found;
      errors.push(`Expected ${name} to be ${allowed.join(' or ')}, got ${JSON.stringify(value)}`);
      return fallback;
    },
  };
}

function deepFreeze<T extends object>(value: T): T {
  for (const each of Object.values(value)) if (typeof each === 'object' && each !== null) deepFreeze(each);
  return Object.freeze(value);
}
