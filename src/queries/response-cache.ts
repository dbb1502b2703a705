import { LRUCache } from 'lru-cache';
import { type Clock, systemClock } from '../clock.ts';
import {
  responseCacheEntriesMax,
  responseCacheMaxAgeMs,
  responseCacheMaxBytes,
  responseCacheRefreshMs,
} from '../limits.ts';
import { openSemaphore } from '../semaphore.ts';
import { type CachedResponse, createCachedResponse } from './cached-response.ts';
import { type ChangeCounter, noChanges } from './change-counter.ts';

export interface Loaded {
  readonly value: unknown;
  readonly headers?: readonly (readonly [string, string])[];
  /** The age of the oldest data, when that was read before the load began. */
  readonly asOfMs?: number;
}

interface Entry {
  readonly response: CachedResponse;
  readonly asOfMs: number;
  /** The number of changes when the load began. */
  readonly changes: number;
}

interface Load {
  /** Returns the number of changes when the load began; undefined until then. */
  readonly changes: () => number | undefined;
  readonly response: Promise<CachedResponse>;
}

/**
 * Caches responses as bytes, by key, with refresh ahead. Up to `responseCacheRefreshMs` of age a response is served as it is. Older
 * ones are served while one refresh runs, and past `responseCacheMaxAgeMs` readers wait for the refresh. Whatever the number of
 * readers, a key has at most one load in flight and two loads a second, and loads of all keys run one after another. Readers of a
 * key whose load failed get its error until the next load is due. A response whose load began before the latest of `changes` is not
 * served any more, so that clients read their own writes.
 */
export function openResponseCache<K extends object>(
  nameOf: (key: K) => string,
  load: (key: K) => Promise<Loaded>,
  clock: Clock = systemClock,
  changes: Pick<ChangeCounter, 'read'> = noChanges,
) {
  const entries = new LRUCache<string, Entry>({
    max: responseCacheEntriesMax,
    maxSize: responseCacheMaxBytes,
    sizeCalculation: ({ response }) => response.bytes.length + 1,
  });
  const loading = new Map<string, Load>();
  const failures = new LRUCache<string, Promise<CachedResponse>>({
    max: responseCacheEntriesMax,
    ttl: responseCacheRefreshMs,
    // With a resolution the cache would read the time once per millisecond of the real clock.
    ttlResolution: 0,
    perf: clock,
  });
  const loads = openSemaphore(1);
  // Equal queries are the same object most of the time.
  const names = new WeakMap<K, string>();

  function findName(key: K): string {
    const known = names.get(key);
    if (known !== undefined) return known;
    const name = nameOf(key);
    names.set(key, name);
    return name;
  }

  function refresh(name: string, key: K): Promise<CachedResponse> {
    const running = loading.get(name);
    if (running !== undefined) {
      if ([undefined, changes.read()].includes(running.changes())) return running.response;
      const again = () => refresh(name, key);
      return running.response.then(again, again);
    }
    return failures.get(name) ?? startLoad(name, key);
  }

  function startLoad(name: string, key: K): Promise<CachedResponse> {
    let changesBefore: number | undefined;
    const response = loads.run(() => {
      changesBefore = changes.read();
      return loadEntry(name, key, changesBefore);
    });
    loading.set(name, { changes: () => changesBefore, response });
    response.then(
      () => loading.delete(name),
      () => {
        loading.delete(name);
        failures.set(name, response);
      },
    );
    return response;
  }

  async function loadEntry(name: string, key: K, changesBefore: number): Promise<CachedResponse> {
    const startedAtMs = clock.now();
    const { value, headers, asOfMs } = await load(key);
    const response = createCachedResponse(value, headers, entries.peek(name)?.response);
    entries.set(name, { response, asOfMs: asOfMs ?? startedAtMs, changes: changesBefore });
    return response;
  }

  return {
    get(key: K): CachedResponse | Promise<CachedResponse> {
      const name = findName(key);
      const entry = entries.get(name);
      if (entry === undefined || entry.changes !== changes.read()) return refresh(name, key);
      const ageMs = clock.now() - entry.asOfMs;
      if (ageMs >= responseCacheMaxAgeMs) return refresh(name, key);
      if (ageMs >= responseCacheRefreshMs) refresh(name, key).catch(() => undefined);
      return entry.response;
    },
  };
}
