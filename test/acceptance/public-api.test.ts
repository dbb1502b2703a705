import t from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { expectFaults, openApi, untilCachedResponsesExpire } from './support.ts';

const api = await openApi(t);
const { call, environment } = api;
const { sql } = environment;

interface Standing {
  position: number;
  username: string;
  city: string;
  votes: number;
}

const rankings = (query = '') => call('GET', `/api/public/rankings${query}`);
const standings = async (query = '') => (await rankings(query)).json<Standing[]>();
const inCity = async (city: string, more = '') => standings(`?city=${encodeURIComponent(city)}&limit=100${more}`);

async function insertUser(name: string, city: string | null, votes = 0): Promise<number> {
  const [row] = await sql<{ id: number }[]>`
    insert into users (first_name, last_name, email, password_hash, city, votes)
    values (${name}, 'Test', ${`${name}-${Math.random()}@example.com`}, 'x', ${city}, ${votes}) returning id`;
  return row?.id ?? 0;
}

/** Cached responses may be a second old. test/queries checks with a clock that they are no older. */
async function until(isThere: () => Promise<boolean>): Promise<void> {
  await waitFor('the answer to change', isThere);
}

t.test('before anybody has signed up the ranking is []', async (t) => {
  const answer = await rankings();
  t.equal(answer.status, 200);
  t.equal(answer.text, '[]');
});

t.test('a new user and a vote show soon', async (t) => {
  await rankings();
  const ana = await api.newPlayer({ first_name: 'Ana', last_name: 'Ruiz' });
  await until(async () => (await standings()).length === 1);
  t.strictSame(
    await standings(),
    [{ position: 1, username: 'Ana Ruiz', city: 'Bogotá', votes: 0 }],
    'also with 0 votes',
  );
  const ben = await api.newPlayer({ first_name: 'Ben', last_name: 'Díaz' });
  const id = await api.videoIn('public', ben);
  for (const [voter, votes] of [
    [ana, 1],
    [ben, 2],
  ] as const) {
    await rankings();
    t.equal((await call('POST', `/api/public/videos/${id}/vote`, { token: voter.token })).status, 200);
    await until(async () => (await standings())[0]?.votes === votes);
  }
  t.match(await standings(), [
    { position: 1, username: 'Ben Díaz', votes: 2 },
    { position: 2, username: 'Ana Ruiz', votes: 0 },
  ]);
});

t.test('a player without a city has an empty one', async (t) => {
  await api.newPlayer({ first_name: 'Nadie', last_name: 'X', city: undefined as unknown as string });
  await until(async () => (await standings()).some(({ username }) => username === 'Nadie X'));
  t.equal((await standings()).find(({ username }) => username === 'Nadie X')?.city, '');
});

t.test('most votes come first, ties by user id; position is offset + index + 1', async (t) => {
  const votes = [5, 9, 5, 5, 0, 9, 5, 1_000_000_007, 0, 5];
  const ids: number[] = [];
  for (const each of votes) ids.push(await insertUser('Tie', 'Tieland', each));
  const order = [7, 1, 5, 0, 2, 3, 6, 9, 4, 8].map((index) => votes[index]);
  const whole = await inCity('tieland');
  t.strictSame(
    whole.map((row) => row.votes),
    order,
  );
  t.strictSame(
    whole.map((row) => row.position),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  );
  for (const limit of [1, 3, 4, 10]) {
    const pages: Standing[] = [];
    for (let page = 1; page <= Math.ceil(votes.length / limit); page += 1) {
      pages.push(...(await standings(`?city=tieland&limit=${limit}&page=${page}`)));
    }
    t.strictSame(pages, whole, `pages of ${limit} repeat and skip no user`);
  }
  const named = await sql<{ id: number }[]>`select id from users where city = 'Tieland' order by votes desc, id`;
  t.strictSame(
    named.map(({ id }) => id),
    [7, 1, 5, 0, 2, 3, 6, 9, 4, 8].map((index) => ids[index]),
  );
});

t.test('the first page holds 10 unless limit says otherwise', async (t) => {
  await until(async () => (await standings()).length === 10);
  t.equal((await standings('?limit=3')).length, 3);
  t.ok((await standings('?limit=100')).length > 10);
  t.equal((await standings('?page=2'))[0]?.position, 11);
  t.strictSame(await standings('?page=1&limit=10&city='), await standings(), 'which is page 1, limit 10 and no city');
});

t.test('a page past the end is []', async (t) => {
  for (const page of ['1000', '2147483648', '9223372036854775807', '99999999999999999999999999', '9'.repeat(400)]) {
    const answer = await rankings(`?page=${page}`);
    t.equal(answer.status, 200, page.slice(0, 30));
    t.equal(answer.text, '[]');
  }
});

t.test('page under 1 and limit outside 1 to 100 are 422', async (t) => {
  expectFaults(t, await rankings('?page=0'), [['greater_than_equal', 'query', 'page']]);
  expectFaults(t, await rankings('?limit=0'), [['greater_than_equal', 'query', 'limit']]);
  expectFaults(t, await rankings('?limit=101'), [['less_than_equal', 'query', 'limit']]);
  expectFaults(t, await rankings(`?limit=${'9'.repeat(30)}`), [['less_than_equal', 'query', 'limit']]);
  expectFaults(t, await rankings('?limit=0&page=0'), [
    ['greater_than_equal', 'query', 'page'],
    ['greater_than_equal', 'query', 'limit'],
  ]);
  for (const each of ['page=1', 'limit=1', 'limit=100', 'page=0001', 'limit=010']) {
    t.equal((await rankings(`?${each}`)).status, 200, each);
  }
});

t.test('numbers are decimal digits: anything else is 422', async (t) => {
  const values = [
    '-1',
    '1.5',
    '1.0',
    '1e3',
    '',
    '%20',
    '+1',
    '%2B1',
    ' 1'.replace(' ', '%20'),
    '0x1',
    'x',
    'null',
    'true',
    '1,2',
    '%D9%A1',
    '１',
    '1_0',
  ];
  for (const name of ['page', 'limit']) {
    for (const value of values) {
      const answer = await rankings(`?${name}=${encodeURI(value).replaceAll('%25', '%')}`);
      expectFaults(t, answer, [['int_parsing', 'query', name]]);
    }
  }
});

t.test('unknown parameters are ignored, and of one given twice the last counts', async (t) => {
  t.strictSame(await standings('?limit=2&offset=5&Page=3&sort=asc&_'), await standings('?limit=2'));
  t.equal((await standings('?limit=5&limit=2')).length, 2);
  t.equal((await rankings('?limit=2&limit=x')).status, 422);
  t.equal((await rankings('?limit=x&limit=2')).status, 200);
});

t.test('city filters by a substring, and position counts among those found', async (t) => {
  for (const [city, votes] of [
    ['San José', 3],
    ['San Juan', 5],
    ['Josefina', 4],
  ] as const)
    await insertUser('Sub', city, votes);
  t.match(await inCity('san j'), [
    { position: 1, city: 'San Juan' },
    { position: 2, city: 'San José' },
  ]);
  t.strictSame(
    (await inCity('JOS')).map((row) => row.city),
    ['Josefina', 'San José'],
  );
  t.strictSame(await inCity('nowhere at all'), []);
  t.strictSame(
    (await inCity('San J', '&limit=1&page=2')).map((row) => [row.position, row.city]),
    [[2, 'San José']],
  );
});

t.test('an empty city is no filter, a space is one', async (t) => {
  // The two responses may come from different moments of the last second.
  await until(async () => (await inCity('')).length === (await standings('?limit=100')).length);
  t.ok((await inCity(' ')).every((row) => row.city.includes(' ')));
});

t.test('%, _ and \\ in a city are ordinary characters', async (t) => {
  const cities = ['100% Real', '100x Real', 'a_b', 'axb', 'c\\d', 'cd', "O'Higgins", '"Q"', '[a-z]*', 'x;--'];
  for (const city of cities) await insertUser('Sign', city);
  const found = async (city: string) => (await inCity(city)).map((row) => row.city);
  t.strictSame(await found('0% r'), ['100% Real']);
  t.strictSame(await found('%'), ['100% Real']);
  t.strictSame(await found('a_b'), ['a_b']);
  t.strictSame(await found('_'), ['a_b']);
  t.strictSame(await found('c\\d'), ['c\\d']);
  t.strictSame(await found('\\'), ['c\\d']);
  t.strictSame(await found('%%'), []);
  t.strictSame(await found("o'h"), ["O'Higgins"]);
  t.strictSame(await found('"q'), ['"Q"']);
  t.strictSame(await found('[a-z]*'), ['[a-z]*']);
});

t.test('a city matches without regard to case in all of Unicode, and accents count', async (t) => {
  for (const city of ['ÑANDÚ', 'ñandú', 'Ñandu', 'Москва', 'ΑΘΗΝΑ', 'Ærø', '𐐀town', 'Café'])
    await insertUser('Case', city);
  const found = async (city: string) => (await inCity(city)).map((row) => row.city);
  t.strictSame(await found('ñandú'), ['ÑANDÚ', 'ñandú']);
  t.strictSame(await found('ÑANDÚ'), ['ÑANDÚ', 'ñandú']);
  t.strictSame(await found('NANDU'), [], 'accents count');
  t.strictSame(await found('мОСКВА'), ['Москва']);
  t.strictSame(await found('αθηνα'), ['ΑΘΗΝΑ']);
  t.strictSame(await found('ÆRØ'), ['Ærø']);
  t.strictSame(await found('𐐨TOWN'), ['𐐀town'], 'beyond the basic plane, too');
  t.strictSame(await found('cafe\u0301'), [], 'nothing is normalised');
});

t.test('a city of any text is no 5xx', async (t) => {
  t.equal((await rankings('?city=%00')).status, 422, 'NUL');
  for (const city of ['%', '%zz', '%ff', '%ed%a0%80', '+', '%F0%9F%98%80', 'x'.repeat(2_000), '%2525']) {
    const { status } = await rankings(`?city=${city}`);
    t.ok(status === 200 || status === 422, `${city.slice(0, 20)}: ${status}`);
  }
  await insertUser('Plus', 'A+B C');
  t.equal((await standings('?city=a%2Bb+c')).length, 1, 'a plus sign is a space, %2B a plus sign');
});

t.test('a ranking that has not changed is 304 for a client that has it', async (t) => {
  await untilCachedResponsesExpire();
  const etag = String((await rankings('?city=tieland')).headers['etag']);
  t.match(etag, /^(W\/)?"[^"]+"$/);
  for (const value of [etag, `"x", ${etag}`, '*']) {
    const again = await call('GET', '/api/public/rankings?city=tieland', { headers: { 'if-none-match': value } });
    t.equal(again.status, 304, value);
    t.equal(again.text, '');
    t.equal(again.headers['etag'], etag);
  }
  await insertUser('Late', 'Tieland', 77);
  await until(async () => {
    const { status } = await call('GET', '/api/public/rankings?city=tieland', { headers: { 'if-none-match': etag } });
    return status === 200;
  });
});
