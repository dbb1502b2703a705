import { Ajv } from 'ajv';
import t from 'tap';
import { toFieldErrors } from '../../../src/http/schemas/validation-errors.ts';

const schema = {
  type: 'object',
  required: ['name', 'email', 'password1', 'password2'],
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 5, format: 'text' },
    email: { type: 'string', format: 'email' },
    city: { type: ['string', 'null'], maxLength: 5 },
    password1: { type: 'string', minLength: 8, maxLength: 20, format: 'text' },
    password2: { type: 'string', minLength: 8, maxLength: 20, format: 'text' },
    page: { type: 'integer', minimum: 1, maximum: 100 },
    done: { type: 'boolean' },
    kind: { enum: ['a', 'b', 'c'] },
    code: { type: 'string', pattern: '^x$' },
    when: { type: 'string', format: 'date' },
    tags: { type: 'array', items: { type: 'integer' } },
    'a/b': { type: 'string' },
    odd: { type: 'integer', multipleOf: 2 },
  },
};
const ajv = new Ajv({ allErrors: true, strictTypes: false });
ajv.addFormat('text', (text) => !text.includes('\0'));
ajv.addFormat('email', (text) => text.includes('@'));
ajv.addFormat('date', /^\d{4}-\d\d-\d\d$/);
const validate = ajv.compile(schema);
const good = { name: 'ana', email: 'a@b.co', password1: '12345678', password2: '12345678' };

function check(value: unknown, place: 'body' | 'query' | 'path' = 'body') {
  return validate(value) ? [] : toFieldErrors(validate.errors ?? [], place, Object.keys(schema.properties));
}

t.test('no fault, nothing told', async (t) => {
  t.same(check(good), []);
  t.same(toFieldErrors([], 'body'), []);
});

t.test('missing fields and wrong ones are told in the order of the schema', async (t) => {
  t.same(check({ page: 0, password1: 'short', email: 5 }), [
    { type: 'missing', loc: ['body', 'name'], msg: 'Field required' },
    { type: 'string_type', loc: ['body', 'email'], msg: 'Input should be a valid string' },
    { type: 'string_too_short', loc: ['body', 'password1'], msg: 'String should have at least 8 characters' },
    { type: 'missing', loc: ['body', 'password2'], msg: 'Field required' },
    { type: 'greater_than_equal', loc: ['body', 'page'], msg: 'Input should be greater than or equal to 1' },
  ]);
});

t.test('both passwords are told', async (t) => {
  const faults = check({ ...good, password1: 'x', password2: 'y'.repeat(21) });
  t.same(
    faults.map(({ type, loc }) => [type, ...loc]),
    [
      ['string_too_short', 'body', 'password1'],
      ['string_too_long', 'body', 'password2'],
    ],
  );
});

t.test('each keyword has its type and sentence', async (t) => {
  const expected: [field: string, value: unknown, type: string, msg: string][] = [
    ['name', '', 'string_too_short', 'String should have at least 1 character'],
    ['name', 'abcdef', 'string_too_long', 'String should have at most 5 characters'],
    ['name', null, 'string_type', 'Input should be a valid string'],
    ['name', 'a\0', 'string_unicode', 'Input should be a valid string, unable to parse raw data as a unicode string'],
    ['email', 'nobody', 'value_error', 'value is not a valid email address'],
    ['city', 5, 'string_type', 'Input should be a valid string'],
    ['city', 'abcdef', 'string_too_long', 'String should have at most 5 characters'],
    ['page', 101, 'less_than_equal', 'Input should be less than or equal to 100'],
    ['page', 'x', 'int_type', 'Input should be a valid integer'],
    ['done', 'x', 'bool_type', 'Input should be a valid boolean'],
    ['kind', 'x', 'enum', "Input should be 'a', 'b' or 'c'"],
    ['code', 'y', 'string_pattern_mismatch', "String should match pattern '^x$'"],
    ['when', 'y', 'value_error', 'Value error, the input is not a valid date'],
    ['tags', 'y', 'array_type', 'Input should be a valid array'],
    ['a/b', 1, 'string_type', 'Input should be a valid string'],
    ['odd', 1, 'value_error', 'Value error, the input is not valid'],
  ];
  for (const [field, value, type, msg] of expected) {
    t.same(check({ ...good, [field]: value }), [{ type, loc: ['body', field], msg }], `${field} ${type}`);
  }
});

t.test('a field is told once, for what is found first when reading it', async (t) => {
  t.match(check({ ...good, password1: '\0' }), [{ type: 'string_unicode' }]);
  t.equal(check({ ...good, password1: '\0' }).length, 1);
});

t.test('a number in an address that is none is one that cannot be parsed', async (t) => {
  const msg = 'Input should be a valid integer, unable to parse string as an integer';
  t.same(check({ ...good, page: '1.5' }, 'query'), [{ type: 'int_parsing', loc: ['query', 'page'], msg }]);
  t.same(check({ ...good, page: '1.5' }, 'path'), [{ type: 'int_parsing', loc: ['path', 'page'], msg }]);
});

t.test('a list tells which of its items is wrong', async (t) => {
  t.match(check({ ...good, tags: [1, 'x'] }), [{ loc: ['body', 'tags', 1] }]);
});

t.test('a body that is no object is one fault of the body', async (t) => {
  for (const value of [[], 'text', 5, null]) {
    t.same(check(value), [
      {
        type: 'model_attributes_type',
        loc: ['body'],
        msg: 'Input should be a valid dictionary or object to extract fields from',
      },
    ]);
  }
});

t.test('what was sent is never repeated', async (t) => {
  const secret = 'hunter2';
  const sent = Object.fromEntries(Object.keys(schema.properties).map((field) => [field, { secret }]));
  t.notMatch(JSON.stringify(check(sent)), secret);
  t.notMatch(JSON.stringify(check({ ...sent, name: secret, email: secret, kind: secret, code: secret })), secret);
});
