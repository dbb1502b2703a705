import { TextDecoder } from 'node:util';
import { Type } from '@sinclair/typebox';
import type { FieldError } from '../../errors.ts';
import { titleMaxCodePoints } from '../../limits.ts';
import { Text } from './fields.ts';
import { validate } from './validator.ts';

const titleErrors = validate(Type.Object({ title: Text(1, titleMaxCodePoints) }), 'body');

export function missingField(name: string): FieldError {
  return { type: 'missing', loc: ['body', name], msg: 'Field required' };
}

/**
 * Returns the title, decoded by the charset that its part declares. Adds its validation errors to `errors`. An empty form field
 * counts as missing, as in the older system.
 */
export function validateTitle(bytes: Buffer, charset: string, errors: FieldError[]): string {
  if (bytes.length === 0) {
    errors.push(missingField('title'));
    return '';
  }
  const decoder = openDecoder(charset);
  const title = decoder && decode(decoder, bytes);
  if (title === undefined) {
    errors.push(notDecodable(decoder === undefined ? 'a charset that this service can decode' : `text in ${charset}`));
    return '';
  }
  errors.push(...titleErrors({ title }));
  return title;
}

/** Returns the error of a title that cannot be decoded. It does not repeat an unknown charset, which is client input. */
function notDecodable(expected: string): FieldError {
  const msg = `Input should be a valid string: expected ${expected}, as the part declares, or UTF-8`;
  return { type: 'string_unicode', loc: ['body', 'title'], msg };
}

function openDecoder(charset: string): TextDecoder | undefined {
  try {
    return new TextDecoder(charset, { fatal: true, ignoreBOM: true });
  } catch {
    return undefined;
  }
}

/** Returns the decoded title. A title that is too long may have been cut inside a character, which must not fail. */
function decode(decoder: TextDecoder, bytes: Buffer): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return bytes.length > 4 * titleMaxCodePoints ? bytes.toString('utf8') : undefined;
  }
}
