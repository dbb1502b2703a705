import { accessSync, constants, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import type { ClientBehavior } from './client-behavior.ts';
import { exitCodes, RunFailure } from './exit-codes.ts';
import { runScript } from './run.ts';
import { readThreadCount } from './thread-count.ts';

const usage =
  'Usage: node dist/k6/engine/main.js run SCENARIO.ts [-e NAME=VALUE]... [--threads N] [--slow SHARE:BYTES_PER_SECOND] [--abort SHARE] [--arrivals even|random] [--out FILE]';

/** Runs the engine as a program with k6's exit codes. `--out` writes every request, from which reports are made. */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      env: { type: 'string', short: 'e', multiple: true, default: [] },
      threads: { type: 'string', default: '1' },
      slow: { type: 'string', default: '0:20000' },
      abort: { type: 'string', default: '0' },
      arrivals: { type: 'string', default: 'even' },
      out: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  const [verb, scriptPath, ...others] = positionals;
  if (verb !== 'run' || scriptPath === undefined || others.length > 0) throw refuseArguments(usage);
  const threads = readThreadCount(values.threads);
  if (values.out !== undefined) checkWritable(values.out);
  const abort = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort());
  const result = await runScript({
    scriptPath,
    threads,
    behavior: { ...readBehaviors(values.slow, values.abort), hasRandomArrivals: readArrivals(values.arrivals) },
    // biome-ignore lint/style/noProcessEnv: a script reads the environment through __ENV, as in k6.
    env: { ...(process.env as Record<string, string>), ...Object.fromEntries(values.env.map(readPair)) },
    signal: abort.signal,
    say: (line) => process.stderr.write(`${line}\n`),
  });
  if (values.out !== undefined) writeFileSync(values.out, JSON.stringify(result));
  for (const { metric, expression, ok } of result.thresholds) {
    if (!ok) process.stderr.write(`threshold failed: ${metric} ${expression}\n`);
  }
  return result.exitCode;
}

function readPair(pair: string): [string, string] {
  const end = pair.indexOf('=');
  if (end > 0) return [pair.slice(0, end), pair.slice(end + 1)];
  throw refuseArguments(`Expected -e to be like NAME=VALUE, got ${pair}`);
}

/** Checked before the load, because its result would be lost. */
function checkWritable(path: string): void {
  try {
    accessSync(dirname(path), constants.W_OK);
  } catch (error) {
    throw refuseArguments(`Expected --out to be in a writable folder, got ${path}: ${String(error)}`);
  }
}

function readBehaviors(slow: string, abort: string): Omit<ClientBehavior, 'hasRandomArrivals'> {
  const [slowShare = Number.NaN, slowBytesPerSecond = Number.NaN] = slow.split(':').map(Number);
  const abortShare = Number(abort);
  const areShares = [slowShare, abortShare].every((share) => share >= 0 && share <= 1);
  if (areShares && slowBytesPerSecond > 0) return { slowShare, slowBytesPerSecond, abortShare };
  throw refuseArguments(`Expected --slow to be like 0.1:20000 and --abort like 0.05, got ${slow} and ${abort}`);
}

function readArrivals(arrivals: string): boolean {
  if (arrivals === 'even' || arrivals === 'random') return arrivals === 'random';
  throw refuseArguments(`Expected --arrivals to be even or random, got ${arrivals}`);
}

function refuseArguments(message: string): RunFailure {
  return new RunFailure(message, exitCodes.invalidConfig);
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof RunFailure ? error.exitCode : exitCodes.invalidConfig;
}
