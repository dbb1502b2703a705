import type { TSchema } from '@sinclair/typebox';
import { describeError, type ErrorCode } from '../../errors.ts';

/** Builds an example from the examples of the schema's fields. Throws for a field that has none. */
export function exampleOf(schema: TSchema): unknown {
  if (schema.examples !== undefined) return (schema.examples as readonly unknown[])[0];
  if (schema['const'] !== undefined) return schema['const'];
  if (schema['enum'] !== undefined) return schema['enum'][0];
  if (schema['type'] === 'array') return [exampleOf(schema['items'])];
  if (schema['type'] === 'object') {
    const properties = Object.entries<TSchema>(schema['properties']);
    return Object.fromEntries(properties.map(([name, each]) => [name, exampleOf(each)]));
  }
  throw new Error(`Expected the schema ${JSON.stringify(schema)} to have examples, got none`);
}

export function exampleOfError(code: ErrorCode): { detail: unknown; code: ErrorCode } {
  const invalidField = { type: 'missing', loc: ['body', 'title'], msg: 'Field required' };
  const detail = code === 'validation_failed' ? [invalidField] : describeError(code, values[code]);
  return { detail, code };
}

const values: Partial<Record<ErrorCode, Record<string, string | number>>> = {
  malformed_form: { reason: 'Expected a closing boundary, got the end of the body' },
  wrong_file_type: { contentType: 'image/png' },
  file_too_large: { limit: 100, size: '150.00' },
  quota_exceeded: { quotaBytes: 5_368_709_120 },
  too_many_waiting: { waitingMax: 20 },
  internal_error: { requestId: '0b8f4f0e-6f5c-4b57-9f0b-0f3a6f3f6c1d' },
  not_ready: { reason: 'database out of reach' },
};
