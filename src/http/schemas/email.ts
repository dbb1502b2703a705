import { normalizeDomain } from './email-domain.ts';

/** Pydantic's limit on the whole input, with display name, brackets and spaces. */
const inputMaxCodePoints = 2_048;
const addressMaxBytes = 254;

/** Python's white space, which differs from JavaScript's. */
const space = '[\\t\\v\\f\\x1c-\\x1f \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const nameCharacter = "[\\p{L}\\p{N}_.!#$%&'*+\\-\\/=?^`{|}~]";
/** Matches `John Doe <john@doe.co>`, of which only the address is used. */
const prettyForm = new RegExp(`^(?:(?:${nameCharacter}+${space}+)*${nameCharacter}+|"[^]+")?${space}*<([^]+)>$`, 'u');
const isSpace = new RegExp(`^${space}$`);

const atom = "[a-zA-Z0-9_!#$%&'*+\\-\\/=?^`{|}~\\u0080-\\u{10ffff}]+";
const dotAtom = new RegExp(`^${atom}(?:\\.${atom})*$`, 'u');
/** Matches text without control, format, private and unassigned characters, without spaces, and without a mark at its start. */
const safeText = /^(?!\p{M})[\p{L}\p{M}\p{N}\p{P}\p{S}]*$/u;

/** RFC 2142: mailboxes whose names are the same in any case. */
const roleNames = new Set(
  'info marketing sales support abuse noc security postmaster hostmaster usenet news webmaster www uucp ftp'.split(' '),
);

/**
 * Returns the form in which an e-mail address is stored and compared, or undefined for an invalid address. It accepts and normalizes
 * what Pydantic 2's EmailStr (which uses email-validator 2) does, so that an address known to the older system is the same address
 * here: the domain in lower case and internationalized, the local part as sent, in NFC.
 */
export function normalizeEmail(text: string): string | undefined {
  if (isTooLong(text) || /[\r\n]/.test(text)) return undefined;
  const address = takeAddress(trim(text));
  const at = address.indexOf('@');
  if (at < 1) return undefined;
  const localPart = normalizeLocalPart(address.slice(0, at));
  const domain = normalizeDomain(address.slice(at + 1));
  if (localPart === undefined || domain === undefined) return undefined;
  const normalized = `${localPart}@${domain.unicode}`;
  const forms = [address, normalized, `${localPart}@${domain.ascii}`];
  return forms.every((form) => Buffer.byteLength(form) <= addressMaxBytes) ? normalized : undefined;
}

function isTooLong(text: string): boolean {
  return (
    text.length > inputMaxCodePoints && (text.length > 2 * inputMaxCodePoints || [...text].length > inputMaxCodePoints)
  );
}

function takeAddress(text: string): string {
  return text.endsWith('>') ? trim(prettyForm.exec(text)?.[1] ?? text) : text;
}

function trim(text: string): string {
  let begin = 0;
  let end = text.length;
  while (begin < end && isSpace.test(text.charAt(begin))) begin += 1;
  while (end > begin && isSpace.test(text.charAt(end - 1))) end -= 1;
  return text.slice(begin, end);
}

/** Returns the local part in NFC, which is checked again because NFC may add forbidden characters. Refuses quoted local parts. */
function normalizeLocalPart(sent: string): string | undefined {
  if (!dotAtom.test(sent) || !safeText.test(sent)) return undefined;
  const localPart = sent.normalize('NFC');
  if (!dotAtom.test(localPart) || !safeText.test(localPart)) return undefined;
  return roleNames.has(localPart.toLowerCase()) ? localPart.toLowerCase() : localPart;
}
