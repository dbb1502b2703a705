import { dictionary } from '@zxcvbn-ts/language-common';
import { commonPasswordsRefused, passwordMinCodePoints } from './limits.ts';

/** The list is ordered, the commonest first, and in lower case. Shorter ones are refused for their length. */
const common: ReadonlySet<string> = new Set(
  dictionary['passwords-common']
    .filter((password) => password.length >= passwordMinCodePoints)
    .slice(0, commonPasswordsRefused),
);

/** Whether the password is one that an attacker tries first: a common one, the account's own address, or blanks. */
export function isWeakPassword(password: string, email: string): boolean {
  const lower = password.toLowerCase();
  const address = email.toLowerCase();
  const localPart = address.slice(0, address.lastIndexOf('@'));
  return /^\s*$/u.test(password) || common.has(lower) || lower === address || lower === localPart;
}
