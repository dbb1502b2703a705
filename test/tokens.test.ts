import { createHmac } from 'node:crypto';
import t from 'tap';
import { verifiedTokensMax } from '../src/limits.ts';
import { openTokens } from '../src/tokens.ts';

const secretKey = 'the key of this year';
const previousKey = 'the key of last year';
const otherKey = 'the key of another service';
const nowSeconds = () => Math.floor(Date.now() / 1000);
const open = (lifetimeSeconds = 3600) => openTokens({ secretKey, previousKey, lifetimeSeconds });

t.test('an issued token is HS256, names its user as text, expires after its lifetime, and verifies', async (t) => {
  const tokens = open(3600);
  const beforeSeconds = nowSeconds();
  const token = tokens.issue(42);
  const [header, payload] = token.split('.');
  t.equal(decode(header).alg, 'HS256');
  const { sub, exp, iat } = decode(payload);
  t.equal(sub, '42');
  t.equal(Number(exp) - Number(iat), 3600);
  t.ok(Number(iat) >= beforeSeconds && Number(iat) <= nowSeconds(), 'issued now');
  t.equal(tokens.verify(token), 42);
  t.equal(tokens.verify(token), 42, 'again, from memory');
  t.equal(tokens.verify(tokens.issue(Number.MAX_SAFE_INTEGER)), Number.MAX_SAFE_INTEGER);
});

t.test('a token of the older system, without iat, verifies', async (t) => {
  t.equal(open().verify(make({ sub: '7', exp: nowSeconds() + 60 })), 7);
});

t.test('a token signed with the previous key verifies; once there is none, it does not', async (t) => {
  const token = make({ sub: '7', exp: nowSeconds() + 60 }, { key: previousKey });
  t.equal(open().verify(token), 7);
  t.equal(openTokens({ secretKey, previousKey: undefined, lifetimeSeconds: 60 }).verify(token), undefined);
});

t.test('what is forged, broken, out of time or of no user is refused, on the second look, too', async (t) => {
  const exp = nowSeconds() + 600;
  const good = make({ sub: '7', exp });
  const [header = '', payload = '', signature = ''] = good.split('.');
  const tampered = encode({ sub: '8', exp });
  const refused: Record<string, string> = {
    'algorithm none without signature': `${encode({ alg: 'none', typ: 'JWT' })}.${payload}.`,
    'algorithm none with a signature': `${encode({ alg: 'none' })}.${payload}.${signature}`,
    'algorithm nOnE': `${encode({ alg: 'nOnE' })}.${payload}.`,
    'algorithm HS512 with our key': make({ sub: '7', exp }, { alg: 'HS512', hash: 'sha512' }),
    'header says HS512, signed as HS256': make({ sub: '7', exp }, { alg: 'HS512' }),
    'no algorithm': make({ sub: '7', exp }, { alg: undefined }),
    'another key': make({ sub: '7', exp }, { key: otherKey }),
    'payload exchanged': `${header}.${tampered}.${signature}`,
    'signature shortened': good.slice(0, -1),
    'signature missing': `${header}.${payload}.`,
    'two parts': `${header}.${payload}`,
    'four parts': `${good}.${signature}`,
    'space behind it': `${good} `,
    'no exp': make({ sub: '7' }),
    'exp null': make({ sub: '7', exp: null }),
    'exp as text': make({ sub: '7', exp: String(exp) }),
    'exp without end': makeRaw('{"sub":"7","exp":1e999}'),
    'exp passed': make({ sub: '7', exp: nowSeconds() - 1 }),
    'exp negative': make({ sub: '7', exp: -1 }),
    'iat in the future': make({ sub: '7', exp, iat: nowSeconds() + 60 }),
    'iat as text': make({ sub: '7', exp, iat: '0' }),
    'nbf in the future': make({ sub: '7', exp, nbf: nowSeconds() + 60 }),
    'no sub': make({ exp }),
    'sub as a number': make({ sub: 7, exp }),
    'sub negative': make({ sub: '-7', exp }),
    'sub zero': make({ sub: '0', exp }),
    'sub with a fraction': make({ sub: '7.0', exp }),
    'sub with an exponent': make({ sub: '7e0', exp }),
    'sub in hexadecimal': make({ sub: '0x7', exp }),
    'sub with a space': make({ sub: ' 7', exp }),
    'sub with other digits': make({ sub: '٧', exp }),
    'sub empty': make({ sub: '', exp }),
    'sub past what a number holds': make({ sub: '9007199254740993', exp }),
    'sub huge': make({ sub: '9'.repeat(400), exp }),
    'sub a list': make({ sub: ['7'], exp }),
    'unknown critical header': make({ sub: '7', exp }, { crit: ['x'], x: 1 }),
    'payload a list': makeRaw('["7"]'),
    'payload null': makeRaw('null'),
    'payload no JSON': makeRaw('{"sub":"7",'),
    empty: '',
    dots: '..',
    'no base64': '!!!.???.***',
  };
  const tokens = open();
  for (const [name, token] of Object.entries(refused)) {
    t.equal(tokens.verify(token), undefined, name);
    t.equal(tokens.verify(token), undefined, `${name}, again`);
  }
  t.equal(tokens.rememberedCount(), 0, 'none of them is remembered');
  t.equal(tokens.verify(good), 7, 'the one they were made from is good');
});

t.test('the memory of verified tokens is bounded, and forged ones push nothing out', async (t) => {
  const tokens = open();
  for (let userId = 1; userId <= verifiedTokensMax + 50; userId += 1) {
    if (tokens.verify(tokens.issue(userId)) !== userId) t.fail(`Expected ${userId} to verify`);
  }
  t.equal(tokens.rememberedCount(), verifiedTokensMax);
  const forged = make({ sub: '7', exp: nowSeconds() + 60 }, { key: otherKey });
  for (let round = 0; round < 100; round += 1) tokens.verify(`${forged}${round}`);
  t.equal(tokens.rememberedCount(), verifiedTokensMax);
});

t.test('a remembered token expires all the same', async (t) => {
  let nowMs = Date.now();
  const tokens = openTokens({ secretKey, previousKey, lifetimeSeconds: 3600 }, () => nowMs);
  const token = tokens.issue(42);
  t.equal(tokens.verify(token), 42);
  t.equal(tokens.rememberedCount(), 1);
  const expiresAtMs = Number(decode(token.split('.')[1])['exp']) * 1000;
  nowMs = expiresAtMs - 1;
  t.equal(tokens.verify(token), 42, 'a millisecond before');
  nowMs = expiresAtMs;
  t.equal(tokens.verify(token), undefined);
});

interface Making {
  key?: string;
  alg?: string | undefined;
  hash?: string;
  [header: string]: unknown;
}

function make(payload: Record<string, unknown>, making: Making = {}): string {
  return makeRaw(JSON.stringify(payload), making);
}

function makeRaw(payload: string, making: Making = {}): string {
  const { key = secretKey, hash = 'sha256', ...header } = making;
  const input = `${encode({ alg: 'HS256', typ: 'JWT', ...header })}.${Buffer.from(payload).toString('base64url')}`;
  return `${input}.${createHmac(hash, key).update(input).digest('base64url')}`;
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part: string | undefined): Record<string, unknown> {
  return JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Record<string, unknown>;
}
