import t from 'tap';
import { openApi } from './support.ts';

const api = await openApi(t, { webProcesses: 2 });
const ana = await api.newPlayer({ first_name: 'Ana', last_name: 'Ruiz' });
const ben = await api.newPlayer();
const voter = { token: ben.token };

/** Reads over connections of their own, so that each web process serves some. */
async function readAll<T>(path: string): Promise<T[]> {
  const answers = await Promise.all(Array.from({ length: 12 }, () => api.call('GET', path)));
  return answers.map((answer) => answer.json<T>());
}

const listed = async (id: number) => {
  const lists = await readAll<{ id: number }[]>('/api/public/videos');
  return lists.map((list) => list.some((video) => video.id === id));
};
const votesOfAna = async () => {
  const rankings = await readAll<{ username: string; votes: number }[]>('/api/public/rankings?limit=100');
  return rankings.map((page) => page.find(({ username }) => username === 'Ana Ruiz')?.votes);
};
const every = <T>(value: T): T[] => Array.from({ length: 12 }, () => value);

t.test('a publication, a withdrawal and a deletion show in every later read on the instance', async (t) => {
  for (let round = 0; round < 5; round += 1) {
    const id = await api.videoIn('processed', ana);
    const path = `/api/videos/${id}`;
    t.strictSame(await listed(id), every(false));
    t.equal((await api.call('POST', `${path}/publish`, { token: ana.token })).status, 200);
    t.strictSame(await listed(id), every(true), 'published');
    t.equal((await api.call('POST', `${path}/unpublish`, { token: ana.token })).status, 200);
    t.strictSame(await listed(id), every(false), 'withdrawn');

    t.equal((await api.call('POST', `/api/public/videos/${id}/vote`, voter)).status, 200);
    await votesOfAna();
    t.equal((await api.call('DELETE', path, { token: ana.token })).status, 200);
    t.strictSame(await votesOfAna(), every(0), 'its votes are gone with it');
  }
});
