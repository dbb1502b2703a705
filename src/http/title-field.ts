import type { FieldError } from '../errors.ts';
import { formFieldMaxBytes } from '../limits.ts';
import type { PartHeaders } from '../multipart/part-headers.ts';
import { missingField, validateTitle } from './schemas/upload-form.ts';

/** Collects the form's `title`. Keeps one byte more than the longest valid title has, to detect a longer one. */
export function createTitleField() {
  let kind: 'none' | 'text' | 'file' = 'none';
  let charset = 'utf-8';
  let kept: Buffer[] = [];
  let bytes = 0;

  return {
    /** A title sent again replaces the earlier one. */
    begin({ isFile, charset: declared }: PartHeaders): void {
      charset = declared ?? 'utf-8';
      kind = isFile ? 'file' : 'text';
      kept = [];
      bytes = 0;
    },
    append(chunk: Buffer): void {
      if (kind !== 'text' || bytes > formFieldMaxBytes) return;
      bytes += chunk.length;
      kept.push(Buffer.from(chunk.subarray(0, formFieldMaxBytes + 1)));
    },
    /** Returns the title as sent. Adds its validation errors to `errors`. */
    read(errors: FieldError[]): string {
      if (kind === 'text') return validateTitle(Buffer.concat(kept), charset, errors);
      errors.push(
        kind === 'none'
          ? missingField('title')
          : { type: 'string_type', loc: ['body', 'title'], msg: 'Input should be a valid string' },
      );
      return '';
    },
  };
}
