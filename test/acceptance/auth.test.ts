import { randomBytes } from 'node:crypto';
import t from 'tap';
import type { Answer } from '../support/http.ts';
import { expectFaults, expectRefusal, openApi } from './support.ts';

const api = await openApi(t);
const { call, environment } = api;
const ana = await api.newPlayer();
const clef = '\u{1d11e}';

function newEmail(): string {
  return `p${randomBytes(6).toString('hex')}@example.com`;
}

function signUp(fields: Record<string, unknown> = {}): Promise<Answer> {
  const form = {
    first_name: 'Ana',
    last_name: 'Ruiz',
    email: newEmail(),
    password1: 'password1',
    password2: 'password1',
  };
  return call('POST', '/api/auth/signup', { json: { ...form, city: 'Bogotá', country: 'Colombia', ...fields } });
}

function logIn(email: unknown, password: unknown, more: Record<string, unknown> = {}): Promise<Answer> {
  return call('POST', '/api/auth/login', { json: { email, password, ...more } });
}

t.test('sign-up answers 201 with the user, and nothing else', async (t) => {
  const email = newEmail();
  const answer = await signUp({ email });
  t.equal(answer.status, 201);
  const { id, ...rest } = answer.json<{ id: number }>();
  t.ok(Number.isSafeInteger(id) && id > 0);
  t.strictSame(rest, { first_name: 'Ana', last_name: 'Ruiz', email, city: 'Bogotá', country: 'Colombia' });
});

t.test('city and country may be left out or null, and then are null', async (t) => {
  for (const fields of [
    { city: undefined, country: undefined },
    { city: null, country: null },
  ]) {
    const answer = await signUp(fields);
    t.equal(answer.status, 201);
    t.match(answer.json(), { city: null, country: null });
  }
  t.match((await signUp({ city: '', country: '' })).json(), { city: '', country: '' }, 'empty text stays empty text');
});

t.test('text comes back exactly as sent: neither trimmed nor normalised', async (t) => {
  const texts = {
    first_name: '  Ana\t',
    last_name: 'Ruíz e\u0301 \u00e9',
    city: ' Ñandú\n',
    country: '\u{1f1e8}\u{1f1f4} ',
  };
  t.match((await signUp(texts)).json(), texts);
});

t.test('lengths count Unicode code points', async (t) => {
  for (const [field, type] of [
    ['first_name', 0],
    ['last_name', 0],
    ['city', 0],
    ['country', 0],
  ] as const) {
    t.equal((await signUp({ [field]: clef.repeat(100) })).status, 201, `${field} of 100 ${type}`);
    expectFaults(t, await signUp({ [field]: clef.repeat(101) }), [['string_too_long', 'body', field]]);
  }
  const password = clef.repeat(8);
  t.equal((await signUp({ password1: password, password2: password })).status, 201);
  const short = clef.repeat(7);
  expectFaults(t, await signUp({ password1: short, password2: short }), [
    ['string_too_short', 'body', 'password1'],
    ['string_too_short', 'body', 'password2'],
  ]);
});

t.test('names of no characters are 422, and one of one is fine', async (t) => {
  expectFaults(t, await signUp({ first_name: '', last_name: '' }), [
    ['string_too_short', 'body', 'first_name'],
    ['string_too_short', 'body', 'last_name'],
  ]);
  t.equal((await signUp({ first_name: ' ', last_name: 'x' })).status, 201);
});

t.test('passwords are of 8 to 128 characters', async (t) => {
  const of = (length: number) => ({ password1: 'x'.repeat(length), password2: 'x'.repeat(length) });
  t.equal((await signUp(of(8))).status, 201);
  t.equal((await signUp(of(128))).status, 201);
  const both = (type: string): [string, ...string[]][] => [
    [type, 'body', 'password1'],
    [type, 'body', 'password2'],
  ];
  expectFaults(t, await signUp(of(7)), both('string_too_short'));
  expectFaults(t, await signUp(of(129)), both('string_too_long'));
});

t.test('passwords that differ are refused before the address is looked for', async (t) => {
  const detail = 'Las contraseñas no coinciden.';
  expectRefusal(t, await signUp({ password2: 'password2' }), 400, detail);
  expectRefusal(t, await signUp({ email: ana.email, password2: 'password2' }), 400, detail);
});

t.test('an address that is taken is refused', async (t) => {
  expectRefusal(t, await signUp({ email: ana.email }), 400, 'Email ya está registrado.');
  const [, domain = ''] = ana.email.split('@');
  const shouted = ana.email.replace(domain, domain.toUpperCase());
  expectRefusal(t, await signUp({ email: shouted }), 400, 'Email ya está registrado.');
});

t.test('of several sign-ups with one address at once, one is 201 and the others 400', async (t) => {
  const email = newEmail();
  const answers = await Promise.all(Array.from({ length: 8 }, () => signUp({ email })));
  const statuses = answers.map((answer) => answer.status).sort();
  t.strictSame(statuses, [201, ...Array(7).fill(400)]);
});

t.test('every missing field is listed, in the order of the form', async (t) => {
  expectFaults(t, await call('POST', '/api/auth/signup', { json: {} }), [
    ['missing', 'body', 'first_name'],
    ['missing', 'body', 'last_name'],
    ['missing', 'body', 'email'],
    ['missing', 'body', 'password1'],
    ['missing', 'body', 'password2'],
  ]);
  expectFaults(t, await call('POST', '/api/auth/login', { json: {} }), [
    ['missing', 'body', 'email'],
    ['missing', 'body', 'password'],
  ]);
});

t.test('a value of another type is 422, and null is no text', async (t) => {
  for (const value of [1, true, null, [], {}, 1.5]) {
    expectFaults(t, await signUp({ first_name: value }), [['string_type', 'body', 'first_name']]);
    expectFaults(t, await logIn(ana.email, value), [['string_type', 'body', 'password']]);
  }
  expectFaults(t, await signUp({ city: 5 }), [['string_type', 'body', 'city']]);
  expectFaults(t, await logIn(5, 'password1'), [['string_type', 'body', 'email']]);
});

t.test('NUL and lone surrogates are 422 in every text field', async (t) => {
  for (const field of ['first_name', 'last_name', 'city', 'country', 'email']) {
    for (const bad of ['a\0b', '\ud800', 'a\udfffb', '\udc00\ud800']) {
      const answer = await signUp({ [field]: field === 'email' ? `${bad}@example.com` : bad });
      t.equal(answer.status, 422, `${field} ${JSON.stringify(bad)}`);
      t.strictSame(
        answer.json<{ detail: { loc: string[] }[] }>().detail.map(({ loc }) => loc),
        [['body', field]],
      );
    }
  }
  t.equal((await signUp({ password1: 'password\0', password2: 'password\0' })).status, 422);
  t.equal((await logIn(ana.email, 'password\ud800')).status, 422);
});

t.test('unknown fields are ignored', async (t) => {
  t.equal((await signUp({ id: 1, is_admin: true, __proto__: { a: 1 }, votes: 1_000 })).status, 201);
  t.equal((await logIn(ana.email, ana.password, { extra: [1] })).status, 200);
});

t.test('the domain counts without regard to case, the part before it as sent', async (t) => {
  const name = `Name${randomBytes(4).toString('hex')}`;
  t.equal((await signUp({ email: `${name}@EXAMPLE.Com` })).json<{ email: string }>().email, `${name}@example.com`);
  t.equal((await logIn(`${name}@Example.COM`, 'password1')).status, 200);
  t.equal((await logIn(`${name.toLowerCase()}@example.com`, 'password1')).status, 401);
});

t.test('e-mail addresses are validated and normalized as Pydantic does', async (t) => {
  const good: [sent: string, kept: RegExp][] = [
    ['N+tag.x@Bücher.example.com', /^N\+tag\.x@bücher\.example\.com$/],
    ['N@xn--bcher-kva.example.com', /^N@bücher\.example\.com$/],
    ['ñandú@example.com', /^ñandú@example\.com$/],
    [' spaced@example.com ', /^spaced@example\.com$/],
    ['Ana Ruiz <pretty@example.com>', /^pretty@example\.com$/],
  ];
  for (const [sent, kept] of good) {
    const answer = await signUp({ email: sent });
    t.equal(answer.status, 201, sent);
    t.match(answer.json(), { email: kept });
  }
  const bad = [
    '',
    'x',
    'x@',
    '@example.com',
    'x@localhost',
    'x@example',
    'x@[127.0.0.1]',
    'x@127.0.0.1',
    'x@@example.com',
  ];
  const worse = [
    'x..y@example.com',
    '.x@example.com',
    'x @example.com',
    'x@exa mple.com',
    '"x y"@example.com',
    'x@-a.com',
  ];
  for (const email of [
    ...bad,
    ...worse,
    `${'x'.repeat(65)}@${'y'.repeat(250)}.com`,
    'a@b.test',
    'x@example.com\n\n\r\ny',
  ]) {
    expectFaults(t, await signUp({ email }), [['value_error', 'body', 'email']]);
    expectFaults(t, await logIn(email, 'password1'), [['value_error', 'body', 'email']]);
  }
});

t.test('passwords are never kept as sent', async (t) => {
  const email = newEmail();
  await signUp({ email, password1: 'kept nowhere', password2: 'kept nowhere' });
  const [row] = await environment.sql<
    { password_hash: string }[]
  >`select password_hash from users where email = ${email}`;
  t.match(row?.password_hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
});
