import { recordIntents } from '../../../src/database/object-intents.ts';
import { claimVideoForWork, publishRendition } from '../../../src/database/video-jobs.ts';
import { publishVideo } from '../../../src/database/videos.ts';
import { newRenditionKey } from '../../../src/objects/keys.ts';
import { makeClip } from '../../support/clip.ts';
import type { Environment } from '../../support/environment.ts';
import { upload } from '../../worker/support/upload.ts';

/** Inserts a public video of each of these users, with objects that exist and play, as the invariants require. */
export async function makePublicVideos(environment: Environment, owners: readonly number[]): Promise<number[]> {
  const clip = await makeClip({ seconds: 1, hasSound: false });
  const ids: number[] = [];
  for (const owner of owners) ids.push(await makePublicVideo(environment, clip, owner));
  return ids;
}

async function makePublicVideo(environment: Environment, clip: string, owner: number): Promise<number> {
  const { sql, objects } = environment;
  const { id } = await upload(environment, clip, owner);
  const claim = await claimVideoForWork(sql, id);
  if (claim === undefined) throw new Error(`Expected video ${id} to wait for work, got none to do`);
  const processedKey = newRenditionKey();
  await recordIntents(sql, [processedKey]);
  await objects.putFile(processedKey, clip, 'video/mp4', AbortSignal.timeout(60_000));
  await publishRendition(sql, { ...claim, processedKey, posterKey: null, profile: 'test' });
  const outcome = await publishVideo(sql, id);
  if (outcome !== 'public') throw new Error(`Expected video ${id} to become public, got ${outcome}`);
  return id;
}
