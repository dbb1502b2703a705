import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from '../../../scripts/lib/paths.ts';
import { runTool } from '../../../scripts/lib/run-tool.ts';

export interface Kit {
  path: string;
  sha256: string;
  /** Script of the generator, from its template. */
  script: string;
  /** Node.js version and checksum from instance/node.env. */
  node: Record<string, string>;
}

/** The archive and script that cloud_load_testing/run gives to its generator. */
export async function packKit(parent: string, plan: string): Promise<Kit> {
  const folder = mkdtempSync(join(parent, 'kit-'));
  const pack = join(rootFolder, 'dist/cloud_load_testing/pack.js');
  await runTool(process.execPath, [pack, '--plan', join(rootFolder, plan), '--folder', folder]);
  const path = join(folder, 'kit.tgz');
  const rendered = /^ +- ("#!.*")$/m.exec(readFileSync(join(folder, 'generator.yaml'), 'utf8'))?.[1] ?? '""';
  const lines = readFileSync(join(rootFolder, 'scripts/aws/instance/node.env'), 'utf8').matchAll(/^(\w+)=(.*)$/gm);
  return {
    path,
    sha256: createHash('sha256').update(readFileSync(path)).digest('hex'),
    script: JSON.parse(rendered) as string,
    node: Object.fromEntries([...lines].map(([, name = '', value = '']) => [name, value])),
  };
}
