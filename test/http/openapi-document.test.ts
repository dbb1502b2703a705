import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import spectral, { type RulesetDefinition } from '@stoplight/spectral-core';
import rulesets from '@stoplight/spectral-rulesets';
import t from 'tap';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { errorKinds } from '../../src/errors.ts';
import { describeApi } from '../../src/http/openapi/document.ts';
import { routes } from '../../src/http/routes.ts';

interface Operation {
  operationId: string;
  summary: string;
  description: string;
  requestBody?: { content: Record<string, { example?: unknown }> };
  responses: Record<string, Response>;
}

interface Response {
  description: string;
  headers: Record<string, { $ref: string }>;
  content?: Record<string, { example?: unknown; examples?: Record<string, { value: { code: string } }> }>;
}

interface Document {
  info: { description: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { properties: { code: { $ref: string } }; enum?: string[] }> };
}

const text = JSON.stringify(describeApi(routes, '1.0.0'));
const document = JSON.parse(text) as Document;
const operations = Object.values(document.paths).flatMap((item) => Object.values(item));
const codes = Object.keys(errorKinds);

/** What redocly's recommended rules find, errors and warnings. */
async function lintByRedocly(source: string): Promise<string[]> {
  const config = await createConfig({ extends: ['recommended'] });
  const problems = await lintFromString({ source, config });
  return problems.map(({ severity, ruleId, message }) => `${severity} ${ruleId}: ${message}`);
}

/** What spectral's recommended rules for OpenAPI find. */
async function lintBySpectral(source: string): Promise<string[]> {
  const linter = new spectral.Spectral();
  // Without a choice of rules it is the recommended ones that count.
  linter.setRuleset({ extends: rulesets.oas as unknown as RulesetDefinition });
  const problems = await linter.run(source);
  return problems.map(({ code, message, path }) => `${code}: ${message} at ${path.join('.')}`);
}

t.test('redocly and spectral find no error and no warning in the document', async (t) => {
  t.strictSame(await lintByRedocly(text), [], 'redocly, recommended');
  t.strictSame(await lintBySpectral(text), [], 'spectral:oas, recommended');
});

t.test('both linters find an operation without id and an example that does not fit', async (t) => {
  const broken = JSON.parse(text);
  delete broken.paths['/api/auth/login'].post.operationId;
  broken.paths['/api/auth/login'].post.requestBody.content['application/json'].example = { email: 1 };
  for (const problems of [await lintByRedocly(JSON.stringify(broken)), await lintBySpectral(JSON.stringify(broken))]) {
    t.ok(problems.some((problem) => /operation-?id/i.test(problem)));
    t.ok(problems.some((problem) => /example/i.test(problem)));
  }
});

t.test('the document has every row of the table, and no other operation', async (t) => {
  const documented = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  );
  t.strictSame(documented.sort(), routes.map(({ method, path }) => `${method} ${path}`).sort());
  t.equal(new Set(operations.map(({ operationId }) => operationId)).size, routes.length, 'each id is unique');
});

t.test('every operation has a short summary, a description and examples', async (t) => {
  for (const { operationId, summary, description, requestBody, responses } of operations) {
    const words = summary.split(' ').length;
    t.ok(words <= 5 && (words >= 2 || summary === 'Rankings'), `${operationId}: ${summary}`);
    t.match(description, /^[A-Z].{20,}\.$/s, operationId);
    for (const content of Object.values(requestBody?.content ?? {})) t.ok(content.example, operationId);
    for (const [status, { content = {} }] of Object.entries(responses)) {
      for (const { example, examples } of Object.values(content)) t.ok(example ?? examples, `${operationId} ${status}`);
    }
  }
});

t.test('every response names its headers', async (t) => {
  for (const { operationId, responses } of operations) {
    for (const [status, { headers }] of Object.entries(responses)) {
      const names = Object.keys(headers);
      t.ok(names.includes('X-Request-Id'), `${operationId} ${status}`);
      if (status === '401') t.ok(names.includes('WWW-Authenticate'), operationId);
      if (status === '429' || status === '503') t.ok(names.includes('Retry-After'), operationId);
    }
  }
});

t.test('the codes of the document are those of the catalogue', async (t) => {
  t.strictSame(document.components.schemas['ErrorCode']?.enum, codes);
  for (const [code, { status }] of Object.entries(errorKinds)) {
    t.match(document.info.description, `| \`${code}\` | ${status} |`, 'the description lists it');
  }
  // These are not errors of an operation: a path or a method without a row has none.
  const general = ['route_not_found', 'method_not_allowed'];
  const ofOperations = operations.flatMap(({ responses }) =>
    Object.entries(responses).flatMap(([status, { content = {} }]) =>
      Object.values(content).flatMap(({ examples = {} }) =>
        Object.entries(examples).map(([code, { value }]) => {
          t.equal(value.code, code);
          t.equal(String(errorKinds[code as keyof typeof errorKinds].status), status, code);
          return code;
        }),
      ),
    ),
  );
  t.strictSame([...new Set([...ofOperations, ...general])].sort(), [...codes].sort(), 'each belongs to an operation');
});

t.test('every code of the catalogue is one that the service uses', async (t) => {
  const folder = join(rootFolder, 'src');
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !/errors\.ts$|routes\.ts$|openapi\//.test(path))
    .map((path) => readFileSync(join(folder, path), 'utf8'))
    .join('\n');
  for (const code of codes) {
    t.match(sources, new RegExp(`(AppError|errorReply)\\(\\s*'${code}'`), code);
  }
});
