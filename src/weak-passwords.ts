import { dictionary } from '@zxcvbn-ts/language-common';
import { commonPasswordsRefused, passwordMinCodePoints } from './limits.ts';

export interface PasswordRules {
  /** Set where no attacker can guess: for clients that are not rate-limited. */
  readonly acceptsCommon: boolean;
}

/** The list is ordered, the commonest first, and in lower case. Shorter ones are refused for their length. */
const common: ReadonlySet<string> = new Set(
  dictionary['passwords-common']
    .filter((password) => password.length >= passwordMinCodePoints)
    .slice(0, commonPasswordsRefused),
);

/** Returns whether an attacker tries the password first: it is a common one, the account's own address, or blanks. */
export function isWeakPassword(password: string, email: string, { acceptsCommon }: PasswordRules): boolean {
  const lower = password.toLowerCase();
  const address = email.toLowerCase();
  const localPart = address.slice(0, address.lastIndexOf('@'));
  return /^\s*$/u.test(password) || (!acceptsCommon && common.has(lower)) || lower === address || lower === localPart;
}
