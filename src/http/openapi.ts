import type { TSchema } from '@sinclair/typebox';
import type { Route } from './route.ts';

/** Returns the OpenAPI 3.1 document of these routes. Its schemas are those that validate requests. */
export function describeApi(routes: readonly Route[], version: string) {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: describeOperation(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'API de Competencia de Habilidades',
      version,
      description: 'Players upload videos, a worker cuts showcase clips, the public votes, rankings show who leads.',
    },
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    },
  };
}

function describeOperation(route: Route) {
  const body = route.json ?? route.form;
  return {
    operationId: route.operationId,
    summary: route.summary,
    description: route.description,
    tags: [route.tag],
    ...(route.needsUser ? { security: [{ bearer: [] }] } : {}),
    parameters: [...describeParameters('path', route.params), ...describeParameters('query', route.query)],
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { [route.json === undefined ? 'multipart/form-data' : 'application/json']: { schema: body } },
          },
        }),
    responses: Object.fromEntries(
      Object.entries(route.answers).map(([status, { description, schema }]) => [
        status,
        { description, ...(schema === null ? {} : { content: { 'application/json': { schema } } }) },
      ]),
    ),
  };
}

function describeParameters(place: 'path' | 'query', schema: TSchema | undefined) {
  const required: string[] = schema?.['required'] ?? [];
  return Object.entries<TSchema>(schema?.['properties'] ?? {}).map(([name, each]) => ({
    name,
    in: place,
    required: place === 'path' || (required.includes(name) && each['default'] === undefined),
    schema: each,
  }));
}
