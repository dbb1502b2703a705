import { isOwnKey } from '../../../src/objects/keys.ts';
import { openObjectStore } from '../../../src/objects/store.ts';
import type { CheckDeps, Finding, Invariant } from './invariant.ts';

export const keysAreOurs: Invariant = {
  number: 7,
  name: 'Every S3 request names the bucket’s owner, and the server made every key',
  check,
};

/** Keys of the older system. */
const olderKey = /^(?:uploads\/user_\d+_\d+\.mp4|processed\/processed_[^/]+)$/;

async function check({ sql, config }: CheckDeps): Promise<Finding> {
  const keys = await sql<{ id: number; key: string }[]>`
    select id, key from videos, unnest(array[original_url, processed_url, poster_url]) as key where key is not null
    union all select 0, key from object_intents`;
  const strange = keys.filter(({ key }) => !isOwnKey(key) && !olderKey.test(key));
  const breaks = strange.map(
    ({ id, key }) => `${id === 0 ? 'an intent' : `video ${id}`} names ${key}, which the server did not make`,
  );
  if (config.s3.accountId !== undefined && (await acceptsWrongOwner(config))) {
    breaks.push('the bucket accepts a request that expects another owner');
  }
  return {
    checked: `${keys.length} keys${config.s3.accountId === undefined ? '' : ', a wrong owner was refused'}`,
    breaks,
  };
}

/** An S3 server that checks the owner refuses a wrong one, which shows that requests name an owner. */
async function acceptsWrongOwner({ s3 }: CheckDeps['config']): Promise<boolean> {
  const accountId = s3.accountId === '000000000001' ? '000000000002' : '000000000001';
  const client = openObjectStore({ ...s3, accountId });
  try {
    await client.checkBucket(AbortSignal.timeout(10_000));
    return true;
  } catch (error) {
    const { $metadata } = error as { $metadata?: { httpStatusCode?: number } };
    if ($metadata?.httpStatusCode === 403) return false;
    throw error;
  } finally {
    client.close();
  }
}
