import { Type } from '@sinclair/typebox';
import type { FieldError } from '../../errors.ts';
import { titleMaxCodePoints } from '../../limits.ts';
import { Text } from './fields.ts';
import { validate } from './validator.ts';

const titleErrors = validate(Type.Object({ title: Text(1, titleMaxCodePoints) }), 'body');

export function missingField(name: string): FieldError {
  return { type: 'missing', loc: ['body', name], msg: 'Field required' };
}

/** Returns the title as sent; adds to `faults` what is wrong with it. An empty form field counts as missing. */
export function validateTitle(bytes: Buffer, faults: FieldError[]): string {
  if (bytes.length === 0) {
    faults.push(missingField('title'));
    return '';
  }
  const title = decode(bytes);
  if (title === undefined) {
    faults.push({
      type: 'string_unicode',
      loc: ['body', 'title'],
      msg: 'Input should be a valid string, unable to parse raw data as a unicode string',
    });
    return '';
  }
  faults.push(...titleErrors({ title }));
  return title;
}

/** A title cut off after the longest there can be may end inside a character: it is too long either way. */
function decode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return bytes.length > 4 * titleMaxCodePoints ? bytes.toString('utf8') : undefined;
  }
}
