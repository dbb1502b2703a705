import { LRUCache } from 'lru-cache';
import { toASCII, toUnicode } from 'tr46';
import { knownDomainsMax } from '../../limits.ts';
import { isIdnaLabel } from './idna-label.ts';

export interface Domain {
  ascii: string;
  unicode: string;
}

const domainMaxLength = 253;
const labelMaxLength = 63;

/** What may be sent: host name characters, and anything else of Unicode that is a letter, digit, mark or sign. */
const sendable = /^(?!\p{M})(?:[a-zA-Z0-9\-.]|(?![\0-\x7f])[\p{L}\p{M}\p{N}\p{P}\p{S}])+$/u;
/** Characters that stand for a dot and something else, or for several dots. */
const dotInside = /[\u2024-\u2026\u2488-\u249b\u33c2\u33c7\u33d8\ufe52\u{1f100}]/u;
const wideDot = /[\u3002\uff0e\uff61]/gu;

const hostLabel = /^(?!-)(?:[a-z0-9-]|[^\0-\x7f])+(?<!-)$/u;
/** Two characters and two hyphens are kept for encodings, of which there is one. */
const reservedLabel = /^(?!xn)..--/u;
const encodedLabel = /^xn--[\0-\x7f]*$/;

/** Names that no mail from outside can reach, with everything below them. */
const specialNames = ['arpa', 'invalid', 'local', 'localhost', 'onion', 'test'];

/** Most addresses are at a few domains, and to fold one costs more than the rest of a refused login. */
const known = new LRUCache<string, Domain>({ max: knownDomainsMax });

/** The domain in both its forms, or undefined where email-validator would refuse it. IDNA 2008 after the mapping of UTS 46. */
export function normalizeDomain(sent: string): Domain | undefined {
  const folded = known.get(sent);
  if (folded !== undefined) return folded;
  const domain = fold(sent);
  if (domain !== undefined) known.set(sent, domain);
  return domain;
}

function fold(sent: string): Domain | undefined {
  if (sent.length > 2 * domainMaxLength || [...sent].length > domainMaxLength) return undefined;
  if (!sendable.test(sent) || dotInside.test(sent)) return undefined;
  const mapped = mapCharacters(sent.replace(wideDot, '.').split('.'));
  if (mapped === undefined || mapped.some((label) => !hostLabel.test(label) || reservedLabel.test(label)))
    return undefined;
  const labels = mapped.map(decodeLabel);
  if (!labels.every((label) => label !== undefined && isIdnaLabel(label))) return undefined;
  const unicode = labels.join('.');
  const ascii = toASCII(unicode, { checkBidi: true });
  return ascii !== null && isReachable(ascii) ? { ascii, unicode } : undefined;
}

/**
 * Case, width and compatibility forms are folded, nothing else: a digit before each label keeps the library from decoding
 * an `xn--` label on the way, which must be compared with what it decodes to. Nothing composes with a digit.
 */
function mapCharacters(labels: string[]): string[] | undefined {
  const { domain, error } = toUnicode(labels.map((label) => `1${label}`).join('.'));
  return error ? undefined : domain.split('.').map((label) => label.slice(1));
}

/** Undefined for a label that looks encoded but is not what encoding its text gives. */
function decodeLabel(label: string): string | undefined {
  if (!encodedLabel.test(label)) return label;
  const { domain, error } = toUnicode(label);
  return !error && toASCII(domain) === label ? domain : undefined;
}

function isReachable(ascii: string): boolean {
  return (
    ascii.length <= domainMaxLength &&
    ascii.includes('.') &&
    /[a-z]$/.test(ascii) &&
    ascii.split('.').every((label) => label.length <= labelMaxLength) &&
    !specialNames.some((name) => ascii === name || ascii.endsWith(`.${name}`))
  );
}
