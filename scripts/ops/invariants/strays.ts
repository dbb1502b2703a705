import { listAgedIntents } from '../../../src/database/object-intents.ts';
import { keysInUse } from '../../../src/database/videos.ts';
import { isOwnKey, ownFolders } from '../../../src/objects/keys.ts';
import type { CheckDeps, Finding, Invariant } from './invariant.ts';

export const nothingIsStray: Invariant = {
  number: 3,
  name: 'No object without a row, no open multipart upload and no intent is older than the grace period',
  check,
};

const batchKeys = 500;
const listedMax = 1_000;

/** Lists objects first and reads the rows afterwards, so that an object whose row is added meanwhile is not reported. */
async function check({ sql, objects, config }: CheckDeps): Promise<Finding> {
  const before = new Date(Date.now() - config.sweepGraceSeconds * 1000);
  const breaks: string[] = [];
  let seen = 0;
  for (const folder of ownFolders) {
    let batch: string[] = [];
    const checkBatch = async () => {
      const used = await keysInUse(sql, batch);
      for (const key of batch) if (!used.has(key)) breaks.push(`object ${key} has no row`);
      batch = [];
    };
    for await (const object of objects.listObjects(folder)) {
      seen += 1;
      if (isOwnKey(object.key) && object.modifiedAt < before) batch.push(object.key);
      if (batch.length >= batchKeys) await checkBatch();
    }
    await checkBatch();
    for await (const open of objects.listOpenMultiparts(folder)) {
      seen += 1;
      if (open.initiatedAt < before) breaks.push(`multipart upload ${open.uploadId} of ${open.key} is still open`);
    }
  }
  const intents = await listAgedIntents(sql, { graceSeconds: config.sweepGraceSeconds, limit: listedMax });
  breaks.push(...intents.map((key) => `the intent of ${key} was never deleted`));
  return { checked: `${seen} objects and open uploads`, breaks };
}
