import type { TSchema } from '@sinclair/typebox';
import { type ErrorCode, errorKinds } from '../../errors.ts';
import type { Route } from '../route.ts';
import { Failure, ValidationFailure } from '../schemas/errors.ts';
import type { JsonSchema, Refer } from './components.ts';
import { exampleOf, exampleOfError } from './examples.ts';
import type { HeaderName } from './headers.ts';

/** Describes one route by its texts, its schemas, and the errors that follow from them. */
export function describeOperation(route: Route, refer: Refer): JsonSchema {
  const { body } = route;
  const contentType = body?.kind === 'stream' ? body.contentType : 'application/json';
  return {
    operationId: route.operationId,
    summary: route.summary,
    description: route.description,
    tags: [route.tag],
    security: route.auth === 'none' ? [] : [{ bearer: [] }],
    parameters: [
      ...describeParameters('path', route.params, refer),
      ...describeParameters('query', route.query, refer),
    ],
    ...(body && { requestBody: { required: true, content: describeContent(contentType, body.schema, refer) } }),
    responses: { ...describeSuccess(route, refer), ...describeErrors(route, refer) },
  };
}

function describeParameters(place: 'path' | 'query', schema: TSchema | undefined, refer: Refer): JsonSchema[] {
  const required: string[] = schema?.['required'] ?? [];
  return Object.entries<TSchema>(schema?.['properties'] ?? {}).map(([name, each]) => {
    const { description, examples, ...rest } = each;
    return {
      name,
      in: place,
      description,
      required: place === 'path' || (required.includes(name) && each['default'] === undefined),
      schema: refer(rest as TSchema),
      example: exampleOf(each),
    };
  });
}

function describeContent(contentType: string, schema: TSchema, refer: Refer): JsonSchema {
  return { [contentType]: { schema: refer(schema), example: exampleOf(schema) } };
}

function describeSuccess({ success, limit }: Route, refer: Refer): JsonSchema {
  const responses = [success].flat().map(({ status, description, schema, contentType, headers = [] }) => [
    String(status),
    {
      description,
      headers: referHeaders(['X-Request-Id', ...headers, ...(limit === undefined ? [] : limitHeaders)]),
      ...(schema && { content: describeContent(contentType ?? 'application/json', schema, refer) }),
    },
  ]);
  return Object.fromEntries(responses);
}

const limitHeaders: readonly HeaderName[] = ['RateLimit-Policy', 'RateLimit'];

function referHeaders(names: readonly HeaderName[]): JsonSchema {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** Describes one response per status, with an example per code. */
function describeErrors(route: Route, refer: Refer): JsonSchema {
  const codes = [...new Set([...derivedErrors(route), ...(route.errors ?? [])])];
  const statuses = [...new Set(codes.map((code) => errorKinds[code].status))].sort();
  return Object.fromEntries(
    statuses.map((status) => {
      const ofStatus = codes.filter((code) => errorKinds[code].status === status);
      return [String(status), describeError(status, ofStatus, refer)];
    }),
  );
}

function describeError(status: number, codes: readonly ErrorCode[], refer: Refer): JsonSchema {
  const schema = refer(status === 422 ? ValidationFailure : Failure);
  const examples = Object.fromEntries(codes.map((code) => [code, { value: exampleOfError(code) }]));
  return {
    description: errorDescriptions[status],
    headers: referHeaders(['X-Request-Id', ...(errorHeaders[status] ?? [])]),
    content: { 'application/json': { schema, examples } },
  };
}

/** Returns the errors that follow from the row. Any route may be rate limited, unavailable or fail. */
function derivedErrors({ auth, body, params, query, timeoutMs }: Route): ErrorCode[] {
  const codes: ErrorCode[] = ['rate_limited', 'internal_error', 'unavailable'];
  if (timeoutMs !== null) codes.push('request_timeout');
  if (auth !== 'none') codes.push('invalid_token');
  if (body !== undefined) codes.push('invalid_framing');
  if (body?.kind === 'json') codes.push('body_timeout');
  if (body !== undefined || params !== undefined || query !== undefined) codes.push('validation_failed');
  return codes;
}

const errorDescriptions: Readonly<Record<number, string>> = {
  400: 'The request conflicts with the current state, or its body is not acceptable. See `code`.',
  401: 'The credentials are missing or invalid.',
  403: 'The resource belongs to another user.',
  404: 'The resource does not exist.',
  408: 'The body of the request arrived too slowly.',
  413: 'The video would exceed the quota of the user.',
  422: 'Validation errors, one per field.',
  429: 'Too many requests. Repeat the request after `Retry-After` seconds.',
  500: 'An unexpected error. The logs have the details under the request id.',
  503: 'Temporarily unavailable. Repeat the request after `Retry-After` seconds.',
};

const errorHeaders: Readonly<Record<number, readonly HeaderName[]>> = {
  401: ['WWW-Authenticate'],
  429: ['Retry-After', ...limitHeaders],
  503: ['Retry-After'],
};
