import { hash as hashArgon2, hashSync, parseOptions, verify as verifyArgon2 } from '@node-rs/argon2';
import { verify as verifyBcrypt } from '@node-rs/bcrypt';
import { AppError } from './errors.ts';
import {
  passwordHashMaxMemoryKiB,
  passwordHashMaxPasses,
  passwordHashMaxThreads,
  passwordHashRetryAfterSeconds,
} from './limits.ts';
import { openSemaphore } from './semaphore.ts';

export type Passwords = ReturnType<typeof openPasswords>;

export interface PasswordVerdict {
  ok: boolean;
  /**
   * True only if `ok` is, the stored hash has other parameters than a new one, and the whole password was verified, so that it can
   * be hashed again.
   */
  needsRehash: boolean;
}

interface PasswordOptions {
  /** Concurrent hashes in this process: the instance's vCPUs divided by its web processes. */
  concurrency: number;
  /** Callers that may wait. One more is rejected at once. */
  queueMax: number;
}

/** OWASP's parameters of argon2id: 19 MiB, two passes, one thread. Algorithm, version and lengths are the library's defaults. */
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const currentPrefix = `$argon2id$v=19$m=${parameters.memoryCost},t=${parameters.timeCost},p=${parameters.parallelism}$`;
/** Accepts costs 4 to 15. A stored hash decides the cost of verifying it, so one that would take minutes is treated as unreadable. */
const bcryptPattern = /^\$2[aby]\$(0[4-9]|1[0-5])\$[./A-Za-z0-9]{53}$/;
/** Bcrypt ignores the bytes of a password after these. */
const bcryptPasswordMaxBytes = 72;

/**
 * Hashes and verifies passwords, `concurrency` at once. Beyond `queueMax` waiting callers rejects with 503 at once. Verifying
 * against an unknown user or an unreadable hash takes as long as against a real one, so that the time does not reveal which users exist.
 */
export function openPasswords({ concurrency, queueMax }: PasswordOptions) {
  const semaphore = openSemaphore(concurrency);
  const dummyHash = hashSync('a password that no user has', parameters);

  function rejectWhenFull(): void {
    if (semaphore.free() > 0 || semaphore.waiting() < queueMax) return;
    throw new AppError('password_queue_full', { retryAfterSeconds: passwordHashRetryAfterSeconds });
  }

  async function run<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    signal?.throwIfAborted();
    rejectWhenFull();
    return semaphore.run(work, signal);
  }

  async function verifyDummy(password: string, signal?: AbortSignal): Promise<void> {
    await run(() => verifyArgon2(dummyHash, password), signal);
  }

  return {
    hash(password: string, signal?: AbortSignal): Promise<string> {
      return run(() => hashArgon2(password, parameters), signal);
    },

    async verify(passwordHash: string, password: string, signal?: AbortSignal): Promise<PasswordVerdict> {
      const verifyKnown = chooseVerifier(passwordHash);
      if (verifyKnown === undefined) {
        await verifyDummy(password, signal);
        return { ok: false, needsRehash: false };
      }
      const ok = await run(() => verifyKnown(passwordHash, password), signal);
      const isKept = passwordHash.startsWith(currentPrefix) || isCutShort(passwordHash, password);
      return { ok, needsRehash: ok && !isKept };
    },

    verifyDummy,
    /** Throws 503 when the queue is full, so that a caller can reject a request before it does other work. */
    rejectWhenFull,
  };
}

type Verifier = (passwordHash: string, password: string) => Promise<boolean>;

/** Returns undefined for a hash that cannot be read, or whose parameters exceed the limits. */
function chooseVerifier(passwordHash: string): Verifier | undefined {
  if (bcryptPattern.test(passwordHash)) return verifyLegacy;
  return isAffordableArgon2(passwordHash) ? verifyArgon2 : undefined;
}

/**
 * Returns whether bcrypt verified only the beginning of the password. The rest may differ from the user's password, so a new hash
 * of it could lock the user out.
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
