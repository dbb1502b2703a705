import { isOwnKey } from '../../../src/objects/keys.ts';
import { openObjectStore } from '../../../src/objects/store.ts';
import type { CheckDeps, Finding, Invariant } from './invariant.ts';

export const keysAreOurs: Invariant = {
  number: 7,
  name: 'Every S3 request names the bucket’s owner, and the server made every key',
  check,
};

/** As the system before this one made them. */
const olderKey = /^(?:uploads\/user_\d+_\d+\.mp4|processed\/processed_[^/]+)$/;

async function check({ sql, config }: CheckDeps): Promise<Finding> {
  const keys = await sql<{ id: number; key: string }[]>`
    select id, key from videos, unnest(array[original_url, processed_url, poster_url]) as key where key is not null
    union all select 0, key from object_intents`;
  const strange = keys.filter(({ key }) => !isOwnKey(key) && !olderKey.test(key));
  const breaks = strange.map(
    ({ id, key }) => `${id === 0 ? 'an intent' : `video ${id}`} names ${key}, which the server did not make`,
  );
  if (config.s3.accountId !== undefined && (await answersStrangers(config))) {
    breaks.push('the bucket accepts a request that expects another owner');
  }
  return {
    checked: `${keys.length} keys${config.s3.accountId === undefined ? '' : ', a wrong owner was refused'}`,
    breaks,
  };
}

/** Only an end that checks the owner can show that every request carries it. */
async function answersStrangers({ s3 }: CheckDeps['config']): Promise<boolean> {
  const accountId = s3.accountId === '000000000001' ? '000000000002' : '000000000001';
  const stranger = openObjectStore({ ...s3, accountId });
  try {
    await stranger.checkBucket(AbortSignal.timeout(10_000));
    return true;
  } catch (error) {
    const { $metadata } = error as { $metadata?: { httpStatusCode?: number } };
    if ($metadata?.httpStatusCode === 403) return false;
    throw error;
  } finally {
    stranger.close();
  }
}
