import t from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import type { Answer } from '../support/http.ts';
import { expectFaults, openApi, untilCachedResponsesExpire } from './support.ts';

const api = await openApi(t);
const { call, environment } = api;
const { sql } = environment;
const ana = await api.newPlayer({ first_name: 'Ana', last_name: 'Ruiz', city: 'Cali' });
const ben = await api.newPlayer({ first_name: 'Ben', last_name: 'Díaz' });

interface Video {
  video_id: number;
  id: number;
}

async function list(query = '', token = ana.token): Promise<Answer> {
  return call('GET', `/api/videos${query}`, { token });
}

/** Rows alone: their keys are null, so no object is missed. */
async function insertVideos(userId: number, uploadedAt: string[], status = 'uploaded'): Promise<number[]> {
  const rows = await sql<{ id: number }[]>`
    insert into videos (title, status, user_id, uploaded_at)
    select 'Row ' || n, ${status}::videostatus, ${userId}, instant::timestamptz
    from unnest(${uploadedAt}::text[]) with ordinality as t (instant, n)
    returning id`;
  return rows.map(({ id }) => id);
}

/** Reads page after page by the address in each response alone. */
async function walk(path: string, token?: string): Promise<{ ids: number[]; pages: number }> {
  const ids: number[] = [];
  let pages = 0;
  let next: string | undefined = path;
  while (next !== undefined && pages < 100) {
    const answer: Answer = await call('GET', next, token === undefined ? {} : { token });
    if (answer.status !== 200) throw new Error(`Expected ${next} to answer 200, got ${answer.status}`);
    ids.push(...answer.json<Video[]>().map((video) => video.video_id ?? video.id));
    pages += 1;
    next = nextPage(answer);
  }
  return { ids, pages };
}

function nextPage(answer: Answer): string | undefined {
  return /^<([^>]+)>; rel="next"$/.exec(String(answer.headers['link'] ?? ''))?.[1];
}

t.test('a player without videos gets an empty list', async (t) => {
  const answer = await list();
  t.equal(answer.status, 200);
  t.equal(answer.text, '[]');
});

t.test('one video has exactly the keys of the contract', async (t) => {
  const id = await api.videoIn('processed', ana, 'Mine');
  const [video, ...others] = (await list()).json<Record<string, unknown>[]>();
  t.equal(others.length, 0);
  const keys = ['processed_at', 'processed_url', 'status', 'title', 'uploaded_at', 'video_id'];
  t.strictSame(Object.keys(video ?? {}).sort(), keys);
  t.match(video, { video_id: id, title: 'Mine', status: 'processed', processed_url: /^processed\// });
  t.match(video?.['uploaded_at'], /^\d{4}-\d\d-\d\dT.+Z$/);
  t.match(video?.['processed_at'], /^\d{4}-\d\d-\d\dT.+Z$/);
});

t.test('every status is listed, the newest first, and only your own', async (t) => {
  const carla = await api.newPlayer();
  const ids: number[] = [];
  for (const status of ['uploaded', 'processed', 'public', 'failed'] as const)
    ids.unshift(await api.videoIn(status, carla));
  const videos = (await list('', carla.token)).json<{ video_id: number; status: string }[]>();
  t.strictSame(
    videos.map((video) => video.video_id),
    ids,
  );
  t.strictSame(
    videos.map((video) => video.status),
    ['failed', 'public', 'processed', 'uploaded'],
  );
  t.equal((await list('', ben.token)).text, '[]');
});

const instants = [
  '2024-01-01T00:00:00.000001Z',
  '2024-01-01T00:00:00.000002Z',
  '2024-01-01T00:00:00.000002Z',
  '2024-01-01T00:00:00.000002Z',
  '2024-01-01T00:00:00.0000021Z',
  '2024-01-01T00:00:00.000999Z',
  '2024-01-01T00:00:00.001Z',
  '2024-01-01T00:00:00.001Z',
  '2023-12-31T23:59:59.999999Z',
  '1999-12-31T23:59:59.999999Z',
  '2024-02-29T12:00:00Z',
];

t.test('without limit the whole list comes, with ties in one microsecond by id', async (t) => {
  const ids = await insertVideos(ben.id, instants);
  const answer = await list('', ben.token);
  const order = [10, 7, 6, 5, 4, 3, 2, 1, 0, 8, 9].map((index) => ids[index]);
  t.strictSame(
    answer.json<Video[]>().map((video) => video.video_id),
    order,
  );
  t.equal(answer.headers['link'], undefined, 'no next page');
});

t.test(
  'pages of any size walk through everything, without repeating or skipping a row of the same instant',
  async (t) => {
    const whole = (await list('', ben.token)).json<Video[]>().map((video) => video.video_id);
    for (const limit of [1, 2, 3, 4, 5, 10, 11, 12, 100]) {
      const { ids, pages } = await walk(`/api/videos?limit=${limit}`, ben.token);
      t.strictSame(ids, whole, `pages of ${limit}`);
      t.equal(pages, Math.max(1, Math.ceil(whole.length / limit)), 'and no page is empty');
    }
  },
);

t.test('a video that is added or removed between two pages moves no other', async (t) => {
  const dora = await api.newPlayer();
  const ids = (await insertVideos(dora.id, ['2024-01-01Z', '2024-01-02Z', '2024-01-03Z', '2024-01-04Z'])).reverse();
  const first = await list('?limit=2', dora.token);
  await insertVideos(dora.id, ['2024-02-01Z', '2024-01-05Z']);
  await sql`delete from videos where id = ${ids[1] as number}`;
  const second = await call('GET', nextPage(first) ?? '', { token: dora.token });
  t.strictSame(
    second.json<Video[]>().map((video) => video.video_id),
    ids.slice(2),
  );
});

t.test('limit and cursor that are none are 422', async (t) => {
  for (const limit of ['0', '-1', '1.5', '1e1', 'x', '', '%20', '101', '99999999999999999999']) {
    const answer = await list(`?limit=${limit}`);
    t.equal(answer.status, 422, `limit=${limit}`);
    t.strictSame(
      answer.json<{ detail: { loc: string[] }[] }>().detail.map(({ loc }) => loc),
      [['query', 'limit']],
    );
  }
  for (const cursor of ['x', '1', '.', '1.', '.1', '-1.1', '1.1.1', '', '%00', "1.1';--"]) {
    expectFaults(t, await list(`?limit=1&cursor=${cursor}`), [['string_pattern_mismatch', 'query', 'cursor']]);
  }
  t.equal(
    (await list('?limit=1&cursor=9999999999999999.9999999999999999')).status,
    200,
    'a cursor that no video has is valid',
  );
  t.equal((await list('?limit=1&cursor=0.0')).text, '[]', 'and before the first there is nothing');
});

t.test('unknown parameters are ignored', async (t) => {
  const answer = await list('?order=asc&user_id=2&limit=2&_=1', ben.token);
  t.equal(answer.json<Video[]>().length, 2);
});

t.test(
  'the public list contains only public videos, newest first, with exactly the keys of the contract',
  async (t) => {
    for (const status of ['uploaded', 'processed', 'failed'] as const) await api.videoIn(status, ana);
    const ids = [await api.videoIn('public', ana, 'First'), await api.videoIn('public', ben, 'Second')];
    const videos = await untilPublic((list) => list[0]?.['id'] === ids[1]);
    t.ok(videos.every((video) => video['processed_url'] !== undefined));
    const mine = videos.find((video) => video['id'] === ids[0]);
    const { uploaded_at, processed_url, playback_url, poster_url, ...rest } = mine ?? {};
    t.strictSame(rest, { id: ids[0], title: 'First', owner_name: 'Ana', owner_city: 'Cali' }, 'the first name alone');
    t.match(uploaded_at, /Z$/);
    t.match(processed_url, /^processed\/.+\.mp4$/);
    t.match([playback_url, poster_url].join(' '), /^http.+ http.+/);
    const [row] = await sql`select count(*) as n from videos where status = 'public'`;
    t.equal(videos.length, row?.['n']);
  },
);

t.test('the public list is paged like one’s own', async (t) => {
  const same = Array.from({ length: 5 }, () => '2025-01-01T00:00:00.5Z');
  await insertVideos(ben.id, [...instants, ...same], 'public');
  const [row] = await sql<{ ids: number[] }[]>`
    select array_agg(id::int order by uploaded_at desc, id desc) as ids from videos where status = 'public'`;
  await untilPublic((list) => list.length === row?.ids.length);
  for (const limit of [1, 3, 7, 100]) {
    const { ids } = await walk(`/api/public/videos?limit=${limit}`);
    t.strictSame(ids, row?.ids, `pages of ${limit}`);
  }
  t.equal((await call('GET', '/api/public/videos?limit=0')).status, 422);
});

t.test('a list that has not changed is 304 for a client that has it', async (t) => {
  await untilCachedResponsesExpire();
  const first = await call('GET', '/api/public/videos');
  const etag = String(first.headers['etag']);
  t.match(etag, /^"[^"]+"$/);
  const again = await call('GET', '/api/public/videos', { headers: { 'if-none-match': etag } });
  t.equal(again.status, 304);
  t.equal(again.text, '');
  t.equal((await call('GET', '/api/public/videos', { headers: { 'if-none-match': '"other"' } })).status, 200);
});

/** Cached responses may be a second old. */
function untilPublic(isThere: (videos: Record<string, unknown>[]) => boolean): Promise<Record<string, unknown>[]> {
  return waitFor('the public list to change', async () => {
    const videos = (await call('GET', '/api/public/videos')).json<Record<string, unknown>[]>();
    return isThere(videos) && videos;
  });
}
