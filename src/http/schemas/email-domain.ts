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

/** Matches what may be sent: host name characters, and any other letter, mark, number, punctuation or symbol of Unicode. */
const sendable = /^(?!\p{M})(?:[a-zA-Z0-9\-.]|(?![\0-\x7f])[\p{L}\p{M}\p{N}\p{P}\p{S}])+$/u;
/** Matches characters that map to several dots, or to a dot and another character. */
const dotInside = /[\u2024-\u2026\u2488-\u249b\u33c2\u33c7\u33d8\ufe52\u{1f100}]/u;
const wideDot = /[\u3002\uff0e\uff61]/gu;

const hostLabel = /^(?!-)(?:[a-z0-9-]|[^\0-\x7f])+(?<!-)$/u;
/** Matches labels with hyphens in the third and fourth place, which are reserved for encodings. The only one is `xn--`. */
const reservedLabel = /^(?!xn)..--/u;
const encodedLabel = /^xn--[\0-\x7f]*$/;

/** Domains that receive no mail from the internet, with all their subdomains. */
const specialNames = ['arpa', 'invalid', 'local', 'localhost', 'onion', 'test'];

/** Caches domains: most addresses have one of a few, and normalizing one costs more than the rest of a refused log-in. */
const known = new LRUCache<string, Domain>({ max: knownDomainsMax });

/** Returns both forms of a domain (IDNA 2008 after the mapping of UTS 46), or undefined where email-validator refuses it. */
export function normalizeDomain(sent: string): Domain | undefined {
  const normalized = known.get(sent);
  if (normalized !== undefined) return normalized;
  const domain = normalize(sent);
  if (domain !== undefined) known.set(sent, domain);
  return domain;
}

function normalize(sent: string): Domain | undefined {
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
 * Maps case, width and compatibility forms, and nothing else. A digit before each label keeps the library from decoding an `xn--`
 * label, which is compared with its decoded form later. No character composes with a digit.
 */
function mapCharacters(labels: string[]): string[] | undefined {
  const { domain, error } = toUnicode(labels.map((label) => `1${label}`).join('.'));
  return error ? undefined : domain.split('.').map((label) => label.slice(1));
}

/** Returns the decoded label, or undefined when encoding it again gives another label. */
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
