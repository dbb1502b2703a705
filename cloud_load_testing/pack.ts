import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { findImports } from '../scripts/lib/import-graph.ts';
import { rootFolder } from '../scripts/lib/paths.ts';
import { runCommand } from '../scripts/lib/run-command.ts';
import { readRunMetadata } from '../scripts/lib/run-metadata.ts';
import { runTool } from '../scripts/lib/run-tool.ts';
import { UserError } from '../scripts/lib/user-error.ts';

/** The programs that run on the generator. The packed code and packages are their imports. */
const entries = ['dist/cloud_load_testing/load.js', 'dist/k6/engine/main.js'];
/** Files that the programs read: the scenarios, the objectives, and the file that marks the top folder. */
const data = ['k6', 'capacity_planning/slo.json', 'package.json'];
/** The engine's sources are left out, because its built files are packed. */
const engineSources = join(rootFolder, 'k6/engine');
/** The folder on the generator. */
const kitFolder = '/opt/anb-load/kit';

/** `pack --plan FILE --folder FOLDER [--video FILE]` writes kit.tgz and generator.yaml, which `run` gives to the generator. */
await runCommand('pack --plan FILE --folder FOLDER [--video FILE]', async () => {
  const { values } = parseArgs({
    options: { plan: { type: 'string' }, folder: { type: 'string' }, video: { type: 'string' } },
  });
  const { plan = '', folder = '', video } = values;
  const kit = join(folder, 'kit');
  const { files, packages } = await findImports(rootFolder, entries);
  for (const name of [...files, ...data, ...listPackages(packages)]) copy(name, kit);
  writeFileSync(join(kit, 'plan.json'), JSON.stringify(namePlan(plan, video)));
  const { commit, hasUncommittedChanges } = readRunMetadata('pack');
  writeFileSync(join(kit, 'commit.json'), JSON.stringify({ commit, hasUncommittedChanges }));
  if (video !== undefined) cpSync(video, join(kit, basename(video)));
  const archive = join(folder, 'kit.tgz');
  await runTool('tar', ['-C', kit, '--sort=name', '--owner=0', '--group=0', '--numeric-owner', '-czf', archive, '.']);
  rmSync(kit, { recursive: true });
  writeFileSync(join(folder, 'generator.yaml'), renderTemplate());
  return 0;
});

function copy(name: string, kit: string): void {
  const target = join(kit, name);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(join(rootFolder, name), target, {
    recursive: true,
    dereference: true,
    filter: (path) => path !== engineSources,
  });
}

/** Sets VIDEO to the absolute path on the generator, because a scenario resolves it relative to its own file. */
function namePlan(path: string, video: string | undefined): { env: Record<string, string> } {
  const plan = JSON.parse(readFileSync(path, 'utf8')) as { env: Record<string, string> };
  return video === undefined ? plan : { ...plan, env: { ...plan.env, VIDEO: join(kitFolder, basename(video)) } };
}

/** Lists the packages and their dependencies as npm installed them from the lockfile. */
function listPackages(names: readonly string[]): string[] {
  const found = new Set<string>();
  const visit = (name: string, from: string, isOptional: boolean): void => {
    const path = findPackage(name, from);
    if (path === undefined && isOptional) return;
    if (path === undefined)
      throw new UserError(`Expected ${name} to be installed for ${from || 'the kit'}, got nothing`);
    if (found.has(path)) return;
    found.add(path);
    const about = JSON.parse(readFileSync(join(rootFolder, path, 'package.json'), 'utf8')) as {
      dependencies?: Record<string, string>;
      optionalDependencies?: Record<string, string>;
    };
    const optional = about.optionalDependencies ?? {};
    for (const each of Object.keys(about.dependencies ?? {})) visit(each, path, each in optional);
    for (const each of Object.keys(optional)) visit(each, path, true);
  };
  for (const name of names) visit(name, '', false);
  return [...found];
}

/** From within a package outwards, as Node looks for it. A package for another system is not there. */
function findPackage(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const path = join(folder, 'node_modules', name);
    if (existsSync(join(rootFolder, path, 'package.json'))) return path;
    if (folder === '') return undefined;
  }
}

/** Renders the template with the generator's script, and the functions of the start scripts before it. */
function renderTemplate(): string {
  const read = (name: string) => readFileSync(join(rootFolder, name), 'utf8');
  const script = read('cloud_load_testing/generate.sh').replace(
    /^(?:#.*\n)+/,
    (head) => head + sharedFunctions(read('user_data_web.sh')),
  );
  // Every JSON string is a valid YAML string.
  return read('cloud_load_testing/generator.yaml').replace("'@generate.sh'", () => JSON.stringify(script));
}

function sharedFunctions(start: string): string {
  const parts = ['metadata', 'signed', 'fetch'].map(
    (name) => new RegExp(`^${name}\\(\\) \\{\\n[\\s\\S]*?^\\}\\n`, 'm').exec(start)?.[0],
  );
  if (parts.includes(undefined))
    throw new Error('Expected user_data_web.sh to have metadata, signed and fetch, got others');
  return `${parts.join('\n')}\n`;
}
