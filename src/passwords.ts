import { hash as hashArgon2, hashSync, parseOptions, verify as verifyArgon2 } from '@node-rs/argon2';
import { verify as verifyBcrypt } from '@node-rs/bcrypt';
import { AppError } from './errors.ts';
import {
  passwordHashMaxMemoryKiB,
  passwordHashMaxPasses,
  passwordHashMaxThreads,
  passwordHashRetryAfterSeconds,
} from './limits.ts';

export type Passwords = ReturnType<typeof openPasswords>;

export interface PasswordVerdict {
  ok: boolean;
  /**
   * True only beside `ok`: the hash at rest is weaker than, or made otherwise than, what `hash` makes today, and the
   * password is known to its last byte.
   */
  needsRehash: boolean;
}

interface PasswordOptions {
  /** Hashes in flight in this process: its share of the instance's vCPUs. */
  concurrency: number;
  /** Callers that may wait for their turn; one more is refused at once. */
  queueMax: number;
}

/** OWASP's argon2id: 19 MiB, two passes, one thread. The algorithm, its version and lengths are the library's defaults. */
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const currentPrefix = `$argon2id$v=19$m=${parameters.memoryCost},t=${parameters.timeCost},p=${parameters.parallelism}$`;
/** Cost 4 to 15: a stored hash decides what verifying it costs, so one that would take minutes counts as unreadable. */
const bcryptPattern = /^\$2[aby]\$(0[4-9]|1[0-5])\$[./A-Za-z0-9]{53}$/;
/** Bcrypt knows only this much of a password. */
const bcryptPasswordMaxBytes = 72;

/**
 * Hashes and verifies with a bound on the work in flight and on the callers waiting, past which a caller is told
 * `unavailable` at once. Every verification of a password against something unknown or unreadable costs what a real
 * one costs, so that its time tells nothing.
 */
export function openPasswords({ concurrency, queueMax }: PasswordOptions) {
  const { inTurn, refuseWhenFull } = openTurns(concurrency, queueMax);
  const nobodysHash = hashSync('the password of nobody', parameters);

  async function verifyAgainstNobody(password: string, signal?: AbortSignal): Promise<void> {
    await inTurn(() => verifyArgon2(nobodysHash, password), signal);
  }

  return {
    hash(password: string, signal?: AbortSignal): Promise<string> {
      return inTurn(() => hashArgon2(password, parameters), signal);
    },

    async verify(passwordHash: string, password: string, signal?: AbortSignal): Promise<PasswordVerdict> {
      const verifyKnown = chooseVerifier(passwordHash);
      if (verifyKnown === undefined) {
        await verifyAgainstNobody(password, signal);
        return { ok: false, needsRehash: false };
      }
      const ok = await inTurn(() => verifyKnown(passwordHash, password), signal);
      const isKept = passwordHash.startsWith(currentPrefix) || isCutShort(passwordHash, password);
      return { ok, needsRehash: ok && !isKept };
    },

    verifyAgainstNobody,
    /** For a caller who has something to ask elsewhere first: throws what he would be told after that. */
    refuseWhenFull,
  };
}

type Verifier = (passwordHash: string, password: string) => Promise<boolean>;

/** Undefined for a hash that cannot be read, or whose own parameters ask for more than we are ready to spend. */
function chooseVerifier(passwordHash: string): Verifier | undefined {
  if (bcryptPattern.test(passwordHash)) return verifyLegacy;
  return isAffordableArgon2(passwordHash) ? verifyArgon2 : undefined;
}

/**
 * Bcrypt lets in whoever has the first bytes right, so what was typed need not be the password: hashed anew as it
 * stands it could lock the owner out.
 */
function isCutShort(passwordHash: string, password: string): boolean {
  return bcryptPattern.test(passwordHash) && Buffer.byteLength(password) >= bcryptPasswordMaxBytes;
}

function verifyLegacy(passwordHash: string, password: string): Promise<boolean> {
  return verifyBcrypt(Buffer.from(password).subarray(0, bcryptPasswordMaxBytes), passwordHash);
}

function isAffordableArgon2(passwordHash: string): boolean {
  try {
    const { memoryCost, timeCost, parallelism } = parseOptions(passwordHash);
    return (
      memoryCost <= passwordHashMaxMemoryKiB &&
      timeCost <= passwordHashMaxPasses &&
      parallelism <= passwordHashMaxThreads
    );
  } catch {
    return false;
  }
}

/** First come, first served. A caller that gives up leaves the queue; work that has begun keeps its place until it ends. */
function openTurns(concurrency: number, queueMax: number) {
  const waiting = new Set<() => void>();
  let running = 0;

  function refuseWhenFull(): void {
    if (running < concurrency || waiting.size < queueMax) return;
    throw new AppError('password_queue_full', { retryAfterSeconds: passwordHashRetryAfterSeconds });
  }

  async function takeTurn(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (running < concurrency) {
      running += 1;
      return;
    }
    refuseWhenFull();
    await waitForTurn(waiting, signal);
  }

  function passTurn(): void {
    const [next] = waiting;
    if (next === undefined) running -= 1;
    else next();
  }

  async function inTurn<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await takeTurn(signal);
    try {
      return await work();
    } finally {
      passTurn();
    }
  }

  return { inTurn, refuseWhenFull };
}

/** Resolves when the turn is handed over: whoever calls `start` gives away a place that stays counted. */
function waitForTurn(waiting: Set<() => void>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      waiting.delete(start);
      signal?.removeEventListener('abort', giveUp);
    };
    const start = () => {
      leave();
      resolve();
    };
    const giveUp = () => {
      leave();
      reject(signal?.reason);
    };
    waiting.add(start);
    signal?.addEventListener('abort', giveUp, { once: true });
  });
}
