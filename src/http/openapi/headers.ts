/** The response headers that operations name, as components of the document. */
export const responseHeaders = {
  'X-Request-Id': {
    description: 'Identifies the request in the logs of the service.',
    schema: { type: 'string', format: 'uuid' },
    example: '0b8f4f0e-6f5c-4b57-9f0b-0f3a6f3f6c1d',
  },
  'Retry-After': {
    description: 'Seconds to wait before the request is worth repeating.',
    schema: { type: 'integer', minimum: 0 },
    example: 2,
  },
  'WWW-Authenticate': {
    description: 'The scheme that the Authorization header must have.',
    schema: { type: 'string', const: 'Bearer' },
    example: 'Bearer',
  },
  'RateLimit-Policy': {
    description:
      'The limits that apply: requests (`q`) per window of seconds (`w`). Absent where requests are not counted.',
    schema: { type: 'string' },
    example: '"vote-user";q=60;w=60',
  },
  RateLimit: {
    description: 'Per limit, the requests that remain (`r`) and the seconds until the window ends (`t`).',
    schema: { type: 'string' },
    example: '"vote-user";r=59;t=60',
  },
  ETag: {
    description: 'Identifies these bytes, for `If-None-Match`.',
    schema: { type: 'string' },
    example: '"2jmj7l5rSw0yVb_vlWAYkK_YBwk"',
  },
  'Cache-Control': {
    description: 'How long the response may be reused.',
    schema: { type: 'string' },
    example: 'no-cache',
  },
  Link: {
    description: 'The address of the next page, `rel="next"`. Absent on the last page and without `limit`.',
    schema: { type: 'string' },
    example: '</api/videos?limit=10&cursor=1760000000000000.42>; rel="next"',
  },
} as const;

export type HeaderName = keyof typeof responseHeaders;
