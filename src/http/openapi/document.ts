import { errorKinds } from '../../errors.ts';
import type { Route } from '../route.ts';
import { createComponents } from './components.ts';
import { responseHeaders } from './headers.ts';
import { describeOperation } from './operation.ts';

/**
 * Returns the OpenAPI 3.1 document of the routes. Its schemas are those that validate requests, and its errors and codes are those
 * of `errorKinds`.
 */
export function describeApi(routes: readonly Route[], version: string) {
  const components = createComponents();
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const operation = describeOperation(route, components.refer);
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'API de Competencia de Habilidades',
      version,
      summary: 'Upload videos, vote for them, read the rankings.',
      description,
      contact: { name: 'ANB Rising Stars Showcase' },
      license: { name: 'All rights reserved', identifier: 'LicenseRef-UNLICENSED' },
    },
    servers: [{ url: '/', description: 'The server that sent this document' }],
    tags,
    paths,
    components: {
      schemas: components.schemas,
      headers: responseHeaders,
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'The `access_token` that `POST /api/auth/login` returns.',
        },
      },
    },
  };
}

const tags = [
  { name: 'core', description: 'Health of the service.' },
  { name: 'auth', description: 'Users and their tokens.' },
  { name: 'videos', description: 'The videos of the user: upload, list, publish, delete.' },
  { name: 'tasks', description: 'Progress of the processing of an upload.' },
  { name: 'public', description: 'Public videos, votes and rankings.' },
];

const description = `Players upload videos, a worker turns each into a showcase clip, and the public votes.

Times are ISO 8601 in UTC. Sizes are in bytes and durations in seconds unless the name or the description says otherwise.

Every response carries \`X-Request-Id\`. A path with a trailing slash is the same route. \`HEAD\` is served wherever \`GET\` is,
without a body. An unknown path returns 404 (\`route_not_found\`), an unknown method 405
(\`method_not_allowed\`) with \`Allow\`, and a request with contradictory framing headers 400 (\`invalid_framing\`).

Every error has a JSON body: \`detail\` is a sentence, or the list of invalid fields of a 422, and \`code\` is one of these
stable codes:

| Code | Status | Detail |
|---|---|---|
${Object.entries(errorKinds)
  .map(([code, { status, message }]) => `| \`${code}\` | ${status} | ${message.replace(/[{}]/g, '`')} |`)
  .join('\n')}
`;
