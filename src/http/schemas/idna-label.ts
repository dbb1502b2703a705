/** Returns whether IDNA 2008 (RFC 5892) allows a label. Its direction is not checked here, since it concerns the whole domain. */
export function isIdnaLabel(label: string): boolean {
  if (/^[a-z0-9-]+$/.test(label)) return true;
  const characters = [...label];
  if (characters.length === 0 || /^\p{M}/u.test(label)) return false;
  if (characters[2] === '-' && characters[3] === '-') return false;
  return characters.every((character, index) => isAllowed(character, index, characters));
}

function isAllowed(character: string, index: number, label: readonly string[]): boolean {
  const rule = contextRules.find(({ characters }) => characters.test(character));
  if (rule !== undefined) return rule.holds(label, index);
  if (exceptionallyAllowed.test(character)) return true;
  return letterOrDigit.test(character) && !refused.test(character) && isStable(character);
}

/** Matches the exceptions that RFC 5892, section 2.6, allows, and Cherokee, whose letters case-fold to its capitals. */
const exceptionallyAllowed = /[\u00df\u03c2\u06fd\u06fe\u0f0b\u3007\u13a0-\u13f5]/u;
const letterOrDigit = /[-\p{Ll}\p{Lo}\p{Lm}\p{Mn}\p{Mc}\p{Nd}]/u;
/** Matches the exceptions that it refuses, invisible code points, combining marks for symbols, and conjoining Hangul letters. */
const refused =
  /[\u0640\u07fa\u302e\u302f\u3031-\u3035\u303b]|\p{Default_Ignorable_Code_Point}|[\u20d0-\u20ff\u{1d100}-\u{1d24f}]|[\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]/u;

/** Returns whether case folding and composition leave a character unchanged. Otherwise two labels would be one name. */
function isStable(character: string): boolean {
  return character.normalize('NFKC').toLowerCase().normalize('NFKC') === character;
}

interface ContextRule {
  characters: RegExp;
  holds(label: readonly string[], index: number): boolean;
}

/** The rules of RFC 5892, appendix A, for characters that are allowed only beside others. Joiners (A.1, A.2) are refused. */
const contextRules: ContextRule[] = [
  { characters: /\u00b7/u, holds: (label, index) => label[index - 1] === 'l' && label[index + 1] === 'l' },
  { characters: /\u0375/u, holds: (label, index) => /\p{Script=Greek}/u.test(label[index + 1] ?? '') },
  { characters: /[\u05f3\u05f4]/u, holds: (label, index) => /\p{Script=Hebrew}/u.test(label[index - 1] ?? '') },
  { characters: /\u30fb/u, holds: (label) => label.some(isJapanese) },
  { characters: /[\u0660-\u0669]/u, holds: (label) => !label.some((each) => /[\u06f0-\u06f9]/u.test(each)) },
  { characters: /[\u06f0-\u06f9]/u, holds: (label) => !label.some((each) => /[\u0660-\u0669]/u.test(each)) },
];

function isJapanese(character: string): boolean {
  return character !== '\u30fb' && /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u.test(character);
}
