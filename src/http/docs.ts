import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describeApi } from './openapi.ts';
import type { Reply } from './reply.ts';
import type { Route } from './route.ts';

/** The document and Swagger UI's own files, read once and served from this process: no page of ours loads anything from elsewhere. */
export function createDocs(routes: readonly Route[], version: string): ReadonlyMap<string, Reply> {
  // Its own module would run the whole viewer just to name this folder.
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  const file = (name: string, contentType: string): [string, Reply] => [
    `/docs/${name}`,
    {
      status: 200,
      bytes: readFileSync(join(folder, name)),
      contentType,
      headers: [['Cache-Control', 'public, max-age=3600']],
    },
  ];
  return new Map<string, Reply>([
    ['/openapi.json', { status: 200, bytes: Buffer.from(JSON.stringify(describeApi(routes, version))) }],
    [
      '/docs',
      {
        status: 200,
        bytes: page,
        contentType: 'text/html; charset=utf-8',
        headers: [['Content-Security-Policy', policy]],
      },
    ],
    ['/docs/start.js', { status: 200, bytes: starter, contentType: 'text/javascript; charset=utf-8' }],
    ['/redoc', { status: 307, headers: [['Location', '/docs']] }],
    file('swagger-ui.css', 'text/css; charset=utf-8'),
    file('swagger-ui-bundle.js', 'text/javascript; charset=utf-8'),
    file('favicon-32x32.png', 'image/png'),
  ]);
}

const policy = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'";

const page = `<!doctype html>
<html lang="es">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API de Competencia de Habilidades</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const starter = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true });
`;
