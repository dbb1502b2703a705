import type { ErrorObject } from 'ajv';
import type { FieldError } from '../../errors.ts';

type Place = 'body' | 'query' | 'path';
type AjvError = Pick<ErrorObject, 'keyword' | 'instancePath' | 'params'>;
type Sentence = Pick<FieldError, 'type' | 'msg'>;

/**
 * Converts Ajv's errors to Pydantic's format: one error per field, in the order of the schema's fields, without the values that
 * were sent.
 */
export function toFieldErrors(
  errors: readonly AjvError[],
  place: Place,
  fieldOrder: readonly string[] = [],
): FieldError[] {
  const chosen = new Map<string, AjvError>();
  for (const error of errors) {
    const field = readLocation(error).join('/');
    const known = chosen.get(field);
    if (known === undefined || rank(error) < rank(known)) chosen.set(field, error);
  }
  return [...chosen.values()]
    .map((error) => ({ ...describe(error, place), loc: [place, ...readLocation(error)] }))
    .sort((a, b) => position(a, fieldOrder) - position(b, fieldOrder))
    .map(({ type, loc, msg }) => ({ type, loc, msg }));
}

/** The order in which Pydantic validates a field. It reports the first error of each. */
const keywordsByRank = ['required', 'type', 'minLength', 'maxLength', 'pattern', 'format'];

function rank({ keyword, params }: AjvError): number {
  if (keyword === 'format' && params['format'] === 'text') return keywordsByRank.indexOf('type');
  const index = keywordsByRank.indexOf(keyword);
  return index === -1 ? keywordsByRank.length : index;
}

function position({ loc }: FieldError, fieldOrder: readonly string[]): number {
  const index = fieldOrder.indexOf(String(loc[1]));
  return index === -1 ? fieldOrder.length : index;
}

/** Returns the path of the field from Ajv's JSON pointer, which for a missing field is the path of its parent. */
function readLocation({ keyword, instancePath, params }: AjvError): (string | number)[] {
  const path = instancePath
    .split('/')
    .slice(1)
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step.replaceAll('~1', '/').replaceAll('~0', '~')));
  return keyword === 'required' ? [...path, String(params['missingProperty'])] : path;
}

function describe({ keyword, params }: AjvError, place: Place): Sentence {
  const limit = Number(params['limit']);
  switch (keyword) {
    case 'required':
      return { type: 'missing', msg: 'Field required' };
    case 'type':
      return describeType([params['type']].flat().join().split(','), place);
    case 'minLength':
      return { type: 'string_too_short', msg: `String should have at least ${countCharacters(limit)}` };
    case 'maxLength':
      return { type: 'string_too_long', msg: `String should have at most ${countCharacters(limit)}` };
    case 'format':
      return describeFormat(params['format']);
    case 'pattern':
      return { type: 'string_pattern_mismatch', msg: `String should match pattern '${params['pattern']}'` };
    case 'minimum':
      return { type: 'greater_than_equal', msg: `Input should be greater than or equal to ${limit}` };
    case 'maximum':
      return { type: 'less_than_equal', msg: `Input should be less than or equal to ${limit}` };
    case 'enum':
      return { type: 'enum', msg: `Input should be ${listChoices(params['allowedValues'])}` };
    default:
      return { type: 'value_error', msg: 'Value error, the input is not valid' };
  }
}

/** Describes a wrong type. The first of the field's types is the expected one, and a second one is null. */
function describeType([type = '']: string[], place: Place): Sentence {
  switch (type) {
    case 'string':
      return { type: 'string_type', msg: 'Input should be a valid string' };
    case 'integer':
      return place === 'body'
        ? { type: 'int_type', msg: 'Input should be a valid integer' }
        : { type: 'int_parsing', msg: 'Input should be a valid integer, unable to parse string as an integer' };
    case 'boolean':
      return { type: 'bool_type', msg: 'Input should be a valid boolean' };
    case 'object':
      return {
        type: 'model_attributes_type',
        msg: 'Input should be a valid dictionary or object to extract fields from',
      };
    default:
      return { type: `${type}_type`, msg: `Input should be a valid ${type}` };
  }
}

function describeFormat(format: unknown): Sentence {
  if (format === 'email') return { type: 'value_error', msg: 'value is not a valid email address' };
  if (format === 'text') {
    return {
      type: 'string_unicode',
      msg: 'Input should be a valid string, unable to parse raw data as a unicode string',
    };
  }
  return { type: 'value_error', msg: `Value error, the input is not a valid ${String(format)}` };
}

function countCharacters(limit: number): string {
  return `${limit} character${limit === 1 ? '' : 's'}`;
}

function listChoices(values: unknown): string {
  const choices = Array.isArray(values) ? values.map((value) => `'${String(value)}'`) : [];
  const last = choices.pop() ?? '';
  return choices.length === 0 ? last : `${choices.join(', ')} or ${last}`;
}
