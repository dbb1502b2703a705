import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Migration {
  name: string;
  text: string;
  /** The text of its leading comment. */
  summary: string;
  /** The tables it rewrites, as its leading comment declares them. */
  rewrites: string[];
}

/** Resolves to all migrations, in the order of their numbers. */
export async function readMigrations(): Promise<Migration[]> {
  const folder = join(findPackageRoot(), 'src', 'database', 'migrations');
  const files = (await readdir(folder)).filter((file) => /^\d{4}_\w+\.sql$/.test(file)).sort();
  return Promise.all(
    files.map(async (file) => {
      const text = await readFile(join(folder, file), 'utf8');
      return {
        name: file.replace(/\.sql$/, ''),
        text,
        ...readLeadingComment(text),
      };
    }),
  );
}

/** Returns the package's folder. SQL files are not compiled, so code in dist reads them from src as well. */
function findPackageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('Expected package.json to be in a folder above the migrations, got none');
    folder = parent;
  }
  return folder;
}

function readLeadingComment(text: string): {
  summary: string;
  rewrites: string[];
} {
  const lines = text.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('--'));
  const comment = lines.slice(0, end).map((line) => line.replace(/^--\s*/, ''));
  const rewrites = comment.find((line) => line.startsWith('Rewrites: '));
  return {
    summary: comment.filter((line) => line !== rewrites).join(' '),
    rewrites: rewrites === undefined ? [] : rewrites.replace('Rewrites: ', '').split(', '),
  };
}
