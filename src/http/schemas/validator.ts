import type { TSchema } from '@sinclair/typebox';
import { Ajv } from 'ajv';
import type { FieldError } from '../../errors.ts';
import { normalizeEmail } from './email.ts';
import { toFieldErrors } from './validation-errors.ts';

/** Creates the validator. Tests validate responses with it as well, so that both follow one set of rules. */
export function createAjv(): Ajv {
  const ajv = new Ajv({ allErrors: true, strict: true, strictTypes: false, allowUnionTypes: true, useDefaults: true });
  ajv.addFormat('text', (text) => !/\0|\p{Surrogate}/u.test(text));
  ajv.addFormat('email', (text) => normalizeEmail(text) !== undefined);
  ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
  return ajv;
}

const ajv = createAjv();

/** Compiles a validator that fills in the schema's defaults. A value without errors has the schema's type. */
export function validate(schema: TSchema, place: 'body' | 'query' | 'path'): (value: unknown) => FieldError[] {
  const validate = ajv.compile(schema);
  const fieldOrder = Object.keys(schema['properties'] ?? {});
  return (value) => (validate(value) ? [] : toFieldErrors(validate.errors ?? [], place, fieldOrder));
}
