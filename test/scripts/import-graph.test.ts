import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t from 'tap';
import { findImports } from '../../scripts/lib/import-graph.ts';

function writeTree(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'imports-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

t.test('files are found through every kind of import, and no other file is', async (t) => {
  const root = writeTree({
    'main.js':
      "import './lib/static.js'; export * from './lib/again.js'; if (Math.random() > 2) await import('./lib/lazy.js');",
    'lib/static.js': "const thread = new URL('./thread.js', import.meta.url); console.log(thread);",
    'lib/again.js': "import facts from './facts.json'; export const again = facts;",
    'lib/facts.json': '{}',
    'lib/lazy.js': 'import "../main.js";',
    'lib/thread.js': `register('./hooks.mjs', import.meta.url); new URL(\`./modules/\${name}.js\`, import.meta.url);`,
    'lib/hooks.mjs': `new URL(\`./pool\${extname(import.meta.url)}\`, import.meta.url);`,
    'lib/pool.js': '',
    'lib/modules/one.js': '',
    'lib/modules/two.js': '',
    'lib/modules/read-me.md': '',
    'lib/unused.js': '',
  });
  const { files } = await findImports(root, ['main.js']);
  const lib = ['again', 'facts.json', 'hooks.mjs', 'lazy', 'modules/one', 'modules/two', 'pool', 'static', 'thread'];
  t.strictSame(files, [...lib.map((name) => `lib/${name.includes('.') ? name : `${name}.js`}`), 'main.js']);
});

t.test('packages are listed once, without subpaths and without Node.js modules', async (t) => {
  const root = writeTree({
    'main.js':
      "import 'a/deep/file.js'; import 'a'; import '@of/b/c'; import 'node:fs'; import 'fs/promises'; import './more.js';",
    'more.js': "createRequire(import.meta.url).resolve('found-by-folder/package.json'); await import('lazy');",
  });
  t.strictSame((await findImports(root, ['main.js'])).packages, ['@of/b', 'a', 'found-by-folder', 'lazy']);
});

t.test('an import that does not resolve is an error that names the importing file', async (t) => {
  const root = writeTree({
    'main.js': "import './missing.js';",
    'thread.js': "new Worker(new URL('./missing.js', import.meta.url));",
  });
  await t.rejects(findImports(root, ['main.js']), { message: /main\.js: Could not resolve "\.\/missing\.js"/ });
  await t.rejects(findImports(root, ['thread.js']), { message: /thread\.js to find \.\/missing\.js/ });
});
