import { normalizeDomain } from './email-domain.ts';

/** Pydantic's own limit, in code points, on everything that is sent: display name, brackets and spaces included. */
const inputMaxCodePoints = 2_048;
const addressMaxBytes = 254;

/** What Python calls white space, which is not quite what JavaScript does. */
const space = '[\\t\\v\\f\\x1c-\\x1f \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const nameCharacter = "[\\p{L}\\p{N}_.!#$%&'*+\\-\\/=?^`{|}~]";
/** `John Doe <john@doe.co>`: only the address counts. */
const prettyForm = new RegExp(`^(?:(?:${nameCharacter}+${space}+)*${nameCharacter}+|"[^]+")?${space}*<([^]+)>$`, 'u');
const isSpace = new RegExp(`^${space}$`);

const atom = "[a-zA-Z0-9_!#$%&'*+\\-\\/=?^`{|}~\\u0080-\\u{10ffff}]+";
const dotAtom = new RegExp(`^${atom}(?:\\.${atom})*$`, 'u');
/** No control, format, private or unassigned character, no space; no mark that would join what stands before. */
const safeText = /^(?!\p{M})[\p{L}\p{M}\p{N}\p{P}\p{S}]*$/u;

/** RFC 2142: mailboxes whose names are the same in any case. */
const roleNames = new Set(
  'info marketing sales support abuse noc security postmaster hostmaster usenet news webmaster www uucp ftp'.split(' '),
);

/**
 * The form in which an e-mail address is kept and compared, or undefined for what is no address. It accepts and folds what
 * Pydantic 2's EmailStr (email-validator 2 behind it) accepts and folds, so that an address known to the older system is
 * the same address here: the domain in lower case and internationalised, the part before it as sent, in NFC.
 */
export function normalizeEmail(text: string): string | undefined {
  if (isTooLong(text) || /[\r\n]/.test(text)) return undefined;
  const address = takeAddress(trim(text));
  const at = address.indexOf('@');
  if (at < 1) return undefined;
  const localPart = foldLocalPart(address.slice(0, at));
  const domain = normalizeDomain(address.slice(at + 1));
  if (localPart === undefined || domain === undefined) return undefined;
  const folded = `${localPart}@${domain.unicode}`;
  const forms = [address, folded, `${localPart}@${domain.ascii}`];
  return forms.every((form) => Buffer.byteLength(form) <= addressMaxBytes) ? folded : undefined;
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

/** A quoted local part is no dot-atom, so it is refused without being parsed. NFC may bring in what an atom must not have. */
function foldLocalPart(sent: string): string | undefined {
  if (!dotAtom.test(sent) || !safeText.test(sent)) return undefined;
  const localPart = sent.normalize('NFC');
  if (!dotAtom.test(localPart) || !safeText.test(localPart)) return undefined;
  return roleNames.has(localPart.toLowerCase()) ? localPart.toLowerCase() : localPart;
}
