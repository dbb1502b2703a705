import type { TSchema } from '@sinclair/typebox';

export type JsonSchema = Record<string, unknown>;
/** Returns the schema as the document shows it: objects and lists of words with a title by reference. */
export type Refer = (schema: TSchema) => JsonSchema;

/** Collects what has a title, so that each is described once and generated clients get a type for each. */
export function createComponents() {
  const schemas: Record<string, JsonSchema> = {};

  const refer: Refer = (schema) => {
    const { title } = schema;
    if (title === undefined || (schema['type'] !== 'object' && schema['enum'] === undefined)) return copy(schema);
    schemas[title] ??= copy(schema);
    return { $ref: `#/components/schemas/${title}` };
  };

  function copy(schema: TSchema): JsonSchema {
    return Object.fromEntries(Object.entries(schema).flatMap(([key, value]) => copyKeyword(key, value)));
  }

  function copyKeyword(key: string, value: unknown): [string, unknown][] {
    // A format of this service: every JSON text of a client is such a text, save for NUL and lone surrogates.
    if (key === 'format' && value === 'text') return [];
    if (key === 'items') return [[key, refer(value as TSchema)]];
    if (key === 'anyOf') return [[key, (value as TSchema[]).map(refer)]];
    if (key !== 'properties') return [[key, value]];
    const properties = Object.entries(value as Record<string, TSchema>);
    return [[key, Object.fromEntries(properties.map(([name, each]) => [name, refer(each)]))]];
  }

  return { schemas, refer };
}
