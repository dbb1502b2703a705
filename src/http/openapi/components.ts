import type { TSchema } from '@sinclair/typebox';

export type JsonSchema = Record<string, unknown>;
/** Returns the schema as the document shows it, with references to the objects and enumerations that have a title. */
export type Refer = (schema: TSchema) => JsonSchema;

/** Collects schemas with a title, so that each is described once and generated clients get a type for each. */
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
    // The format is internal: it excludes NUL and lone surrogates, which clients do not send.
    if (key === 'format' && value === 'text') return [];
    if (key === 'items') return [[key, refer(value as TSchema)]];
    if (key === 'anyOf') return [[key, (value as TSchema[]).map(refer)]];
    if (key !== 'properties') return [[key, value]];
    const properties = Object.entries(value as Record<string, TSchema>);
    return [[key, Object.fromEntries(properties.map(([name, each]) => [name, refer(each)]))]];
  }

  return { schemas, refer };
}
