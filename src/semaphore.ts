export interface Lease {
  /** The share of the capacity that the lease holds. */
  readonly weight: number;
  /** Returns the weight. Further calls do nothing. */
  release(): void;
}

/** Returns the weight to acquire, from the free capacity at the moment the lease could be granted. At most the capacity. */
export type Weigh = (free: number) => number;

interface Waiter {
  readonly weigh: Weigh;
  readonly grant: (lease: Lease) => void;
}

/** Grants leases on `capacity` in the order of their requests: a waiter that does not fit holds back all later ones. */
export function openSemaphore(capacity: number) {
  const waiters = new Set<Waiter>();
  let free = capacity;

  function tryLease(weigh: Weigh): Lease | undefined {
    const weight = weigh(free);
    if (weight > free) return undefined;
    free -= weight;
    let isReleased = false;
    const release = () => {
      if (isReleased) return;
      isReleased = true;
      free += weight;
      grantWaiting();
    };
    return { weight, release };
  }

  function grantWaiting(): void {
    for (const waiter of waiters) {
      const lease = tryLease(waiter.weigh);
      if (lease === undefined) return;
      waiter.grant(lease);
    }
  }

  function wait(weigh: Weigh, signal: AbortSignal | undefined): Promise<Lease> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        waiters.delete(waiter);
        signal?.removeEventListener('abort', abandon);
      };
      const abandon = () => {
        leave();
        reject(signal?.reason);
        // A later waiter may need less than the one that left.
        grantWaiting();
      };
      const grant = (lease: Lease) => {
        leave();
        resolve(lease);
      };
      const waiter = { weigh, grant };
      waiters.add(waiter);
      signal?.addEventListener('abort', abandon, { once: true });
    });
  }

  /** Resolves to a lease. Rejects with the signal's reason, and then holds nothing. */
  async function acquire(signal?: AbortSignal, weigh: Weigh = () => 1): Promise<Lease> {
    signal?.throwIfAborted();
    const lease = waiters.size === 0 ? tryLease(weigh) : undefined;
    return lease ?? wait(weigh, signal);
  }

  return {
    acquire,
    /** Runs `work` with a lease, which is released when `work` settles. An abort ends the wait, not the work. */
    async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
      const lease = await acquire(signal);
      try {
        return await work();
      } finally {
        lease.release();
      }
    },
    free: () => free,
    waiting: () => waiters.size,
  };
}
