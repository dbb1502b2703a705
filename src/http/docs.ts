import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describeApi } from './openapi/document.ts';
import type { Route, ValueRow } from './route.ts';
import { serveFile } from './static-files.ts';

/** The OpenAPI document, and Swagger UI to try it. Every file is read once and served from this process: the page loads nothing from elsewhere. */
export function createDocs(routes: readonly Route[], version: string): readonly ValueRow[] {
  const html = 'text/html; charset=utf-8';
  const script = 'text/javascript; charset=utf-8';
  return [
    serveFile({
      path: '/openapi.json',
      contentType: 'application/json',
      bytes: Buffer.from(JSON.stringify(describeApi(routes, version))),
    }),
    serveFile({ path: '/docs', contentType: html, bytes: Buffer.from(page), contentSecurityPolicy }),
    serveFile({ path: '/docs/start.js', contentType: script, bytes: Buffer.from(starter) }),
    viewerFile('swagger-ui.css', 'text/css; charset=utf-8'),
    viewerFile('swagger-ui-bundle.js', script),
    viewerFile('favicon-32x32.png', 'image/png'),
    { method: 'GET', path: '/redoc', auth: 'none', handle: () => ({ status: 307, headers: [['Location', '/docs']] }) },
  ];
}

// Importing the package would run the whole viewer just to name this folder.
const viewerFolder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

function viewerFile(name: string, contentType: string): ValueRow {
  return serveFile({
    path: `/docs/${name}`,
    contentType,
    bytes: readFileSync(join(viewerFolder, name)),
    maxAgeSeconds: 3_600,
  });
}

const contentSecurityPolicy = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'";
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
