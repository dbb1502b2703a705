import { dictionary } from '@zxcvbn-ts/language-common';
import { commonPasswordsRefused, passwordMinCodePoints } from './limits.ts';

export interface PasswordRules {
  /** True for clients that are not rate limited, because they are on this machine or limits are off. */
  readonly acceptsCommon: boolean;
}

/** The most common passwords, in lower case. The dictionary begins with the most common; shorter ones are refused anyway. */
const common: ReadonlySet<string> = new Set(
  dictionary['passwords-common']
    .filter((password) => password.length >= passwordMinCodePoints)
    .slice(0, commonPasswordsRefused),
);

/** Returns whether attackers try the password first: a common one, the account's own address or its local part, or blanks. */
export function isWeakPassword(password: string, email: string, { acceptsCommon }: PasswordRules): boolean {
  const lower = password.toLowerCase();
  const address = email.toLowerCase();
  const localPart = address.slice(0, address.lastIndexOf('@'));
  return /^\s*$/u.test(password) || (!acceptsCommon && common.has(lower)) || lower === address || lower === localPart;
}
