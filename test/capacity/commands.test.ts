import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { settingNames } from '../../capacity_planning/lib/read-plan.ts';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { freePort } from '../../scripts/lib/ports.ts';
import { tryTool } from '../../scripts/lib/run-tool.ts';
import { makeFolder } from './testbed.ts';

const main = join(rootFolder, 'dist', 'capacity_planning', 'main.js');

const ask = (args: readonly string[], env: Record<string, string> = {}) =>
  tryTool(process.execPath, [main, ...args], { env: { ...process.env, NODE_OPTIONS: '', ...env } });

t.jobs = 2;

for (const { args, says } of [
  { args: [], says: /^Expected a verb, got nothing/ },
  { args: ['toString'], says: /^Expected a verb, got toString/ },
  { args: ['run'], says: /^Expected run PLAN, got run/ },
  { args: ['smoke', 'more'], says: /^Expected smoke, got smoke more/ },
  { args: ['smoke', '--threads', '1.5'], says: /--threads to be a whole number from 1 to 64, got 1\.5/ },
  { args: ['simulate'], says: /--capacity to be a number above 0, got nothing/ },
  {
    args: ['simulate', '--capacity', 'Infinity', '--from', '1', '--to', '2'],
    says: /--capacity to be a number above 0, got Infinity/,
  },
  { args: ['judge', rootFolder], says: /to be a file, got none/ },
  {
    args: ['run', 'sustained'],
    says: /a plan of capacity_planning\/plans \(.*rankings-ramp.*\) or a file, got sustained/,
  },
  { args: ['smoke', '--out', main], says: /--out to be a folder, got the file .*main\.js/ },
]) {
  t.test(`invalid arguments: ${args.join(' ').replace(rootFolder, 'a folder') || 'nothing'}`, async (t) => {
    const { code, output } = await ask(args, { DATA_DIR: makeFolder(t) });
    t.equal(code, 2, output);
    t.match(output, says);
  });
}

for (const { what, args, says } of [
  {
    what: 'enough instances after a while',
    args: ['--capacity', '100', '--from', '30', '--to', '80'],
    says: /enough instances after 360 s: 2 needed; 2 at the end\n$/,
  },
  {
    what: 'no scale-out is needed',
    args: ['--capacity', '100', '--from', '50', '--to', '50'],
    says: /no scale-out: CPU never exceeded the target; 1 at the end\n$/,
  },
  {
    what: 'more instances are needed than the maximum',
    args: ['--capacity', '100', '--from', '50', '--to', '250'],
    says: /not enough instances: 5 needed, the maximum is 3; 3 at the end\n$/,
  },
  {
    what: 'an hour is not enough',
    args: ['--capacity', '1', '--from', '1', '--to', '4000', '--max', '10000', '--warm-up', '600'],
    says: /not enough instances within 3600 s: 8000 needed; \d+ at the end\n$/,
  },
]) {
  t.test(`the conclusion of simulate agrees with its table: ${what}`, async (t) => {
    const { code, output } = await ask(['simulate', ...args]);
    t.equal(code, 0);
    t.match(output, says);
  });
}

t.test('an invalid plan is refused before any load', async (t) => {
  const folder = makeFolder(t);
  const path = join(folder, 'plan.json');
  const plan = { name: 'own', scenario: 'smoke', claims: [], env: {} };
  const refused = async (text: string, says: RegExp) => {
    writeFileSync(path, text);
    const { code, output } = await ask(['run', path], { DATA_DIR: folder });
    t.equal(code, 2, output);
    t.match(output, says);
  };
  await refused('{', /plan\.json to be a plan in JSON, got: SyntaxError/);
  await refused('{"name":"own"}', /must have required property/);
  await refused(JSON.stringify({ ...plan, rates: [1] }), /must NOT have additional properties rates/);
  await refused(JSON.stringify({ ...plan, scenario: 'none' }), /got no .*none\.ts/);
  await refused(JSON.stringify({ ...plan, env: { CONCURENCY: '4' } }), /settings of .*, got CONCURENCY/);
  await refused(JSON.stringify({ ...plan, env: { RATE: 4 } }), /\/env\/RATE must be string/);
  await refused(JSON.stringify(plan), /Expected a running service/);
});

t.test('a plan may set every setting that the scenarios read', (t) => {
  const lib = join(rootFolder, 'k6', 'lib');
  const text = readdirSync(lib).map((name) => readFileSync(join(lib, name), 'utf8'));
  const read = [...text.join('\n').matchAll(/(?:__ENV\[|readNumber\(|readList\()'([A-Z_]+)'/g)].map(([, name]) => name);
  t.strictSame([...new Set(read)].sort(), [...settingNames].sort());
  t.end();
});

t.test('the error names a target that does not respond', async (t) => {
  const folder = makeFolder(t);
  const port = await freePort();
  const { code, output } = await ask(['smoke', '--target', `http://127.0.0.1:${port}`], { DATA_DIR: folder });
  t.equal(code, 2, output);
  t.match(output, new RegExp(`Expected http://127\\.0\\.0\\.1:${port}/ to respond, got: .*ECONNREFUSED`));
});
