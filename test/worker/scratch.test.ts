import { access, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openScratch } from '../../worker/scratch.ts';
import { makeFolder } from './support/clips.ts';

t.test('a job’s folder is removed after it, however the job ended', async (t) => {
  const dataDir = await makeFolder(t);
  const scratch = openScratch(dataDir);
  const used = await scratch.use(async (folder) => {
    await writeFile(join(folder, 'source.mp4'), 'x');
    return folder;
  });
  await t.rejects(access(used));
  await t.rejects(
    scratch.use(async () => Promise.reject(new Error('broken'))),
    { message: 'broken' },
  );
  t.same(await readdir(join(dataDir, 'scratch')), []);
});

t.test('folders of workers that died are removed, those of living ones stay', async (t) => {
  const dataDir = await makeFolder(t);
  const scratch = openScratch(dataDir);
  const root = join(dataDir, 'scratch');
  await scratch.use(async (folder) => {
    // The second has a living process's number and another one's start.
    for (const name of ['4194300-1-gone', `${process.pid}-1-reused`, 'not-a-number'])
      await mkdir(join(root, name, 'deep'), { recursive: true });
    t.equal(await scratch.removeStale(), 3);
    t.same(await readdir(root), [folder.split('/').at(-1)]);
  });
});
