import { createHmac } from 'node:crypto';

/** Makes one more token, another one each time, that nobody may be let in with. */
export type BadTokens = () => string;

type Claims = Readonly<Record<string, unknown>>;

const day = 86_400;

/**
 * Bad tokens without end, each kind in its turn: forged by who does not have the key, cut or changed on the way, and signed
 * with the key but out of time, incomplete or of no user. `pick` gives a whole number between two others, both included.
 */
export function createBadTokens(secretKey: string, pick: (min: number, max: number) => number): BadTokens {
  const now = () => Math.floor(Date.now() / 1000);
  const good = (): Claims => ({ sub: String(pick(1, 1_000_000)), exp: now() + pick(60, day) });
  const signed = (claims: Claims) => sign(claims, secretKey);
  const characters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const noise = (length: number) => Array.from({ length }, () => characters[pick(0, 63)]).join('');

  const kinds: readonly BadTokens[] = [
    () => sign(good(), noise(32)),
    () => sign(good(), ''),
    () => sign(good(), secretKey.slice(0, -1)),
    () => unsigned(good(), ['none', 'NONE', 'None', 'nOnE'][pick(0, 3)] as string),
    () => `${unsigned(good(), 'none')}${noise(43)}`,
    () => sign(good(), secretKey, 'sha384', 'HS384'),
    () => sign(good(), secretKey, 'sha512', 'HS512'),
    () => sign(good(), secretKey, 'sha256', 'RS256'),
    () => sign(good(), secretKey, 'sha512', 'HS256'),
    () => replacePart(signed(good()), 0, encode({ alg: 'HS256', typ: 'JWT', kid: noise(8) })),
    () => replacePart(signed(good()), 1, encode(good())),
    () => replacePart(signed(good()), 2, noise(43)),
    () => changeOne(signed(good()), pick),
    () => signed(good()).slice(0, -pick(1, 60)),
    () => `${signed(good())}.${noise(pick(1, 20))}`,
    () => signed({ ...good(), exp: now() - pick(1, 365 * day) }),
    () => signed({ ...good(), exp: String(now() + day) }),
    () => signed({ ...good(), exp: [null, true, {}, [], -1, 0][pick(0, 5)] }),
    () => signed({ sub: String(pick(1, 1_000_000)) }),
    () => signed({ exp: now() + day }),
    () => signed({ ...good(), nbf: now() + pick(60, day) }),
    () => signed({ ...good(), iat: now() + pick(60, day) }),
    () => signed({ ...good(), sub: pick(1, 1_000_000) }),
    () => signed({ ...good(), sub: ['', '0', '-1', '1.0', '1e3', ' 1', '01', 'ana', '9'.repeat(30)][pick(0, 8)] }),
    () => noise(pick(1, 200)),
    () => `${noise(pick(1, 60))}.${noise(pick(1, 90))}.${noise(pick(1, 60))}`,
    () => '.'.repeat(pick(1, 8)),
  ];

  let next = 0;
  return () => {
    next += 1;
    return (kinds[next % kinds.length] as BadTokens)();
  };
}

function sign(claims: Claims, key: string, hash = 'sha256', alg = 'HS256'): string {
  const text = unsigned(claims, alg).slice(0, -1);
  return `${text}.${createHmac(hash, key).update(text).digest('base64url')}`;
}

/** With the dot behind which the signature stands. */
function unsigned(claims: Claims, alg: string): string {
  return `${encode({ alg, typ: 'JWT' })}.${encode(claims)}.`;
}

function replacePart(token: string, place: number, part: string): string {
  return token
    .split('.')
    .map((each, i) => (i === place ? part : each))
    .join('.');
}

/** Any character but the last one, of which some bits do not count. */
function changeOne(token: string, pick: (min: number, max: number) => number): string {
  const at = pick(0, token.length - 2);
  const other = token[at] === 'x' ? 'y' : 'x';
  return `${token.slice(0, at)}${other}${token.slice(at + 1)}`;
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
