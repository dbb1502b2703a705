import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import t from 'tap';
import { CapacityReport } from '../../capacity_planning/lib/report-schema.ts';
import { RehearsalReport } from '../../capacity_planning/rehearsal/rehearsal-schema.ts';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { openSink } from '../k6/sink.ts';
import { runTestbed, step } from './testbed.ts';

const read = (name: string): unknown =>
  JSON.parse(readFileSync(join(rootFolder, 'capacity_planning', `${name}.schema.json`), 'utf8'));
const published = read('capacity-report');

t.test('the published schemas equal those that validate reports', (t) => {
  t.strictSame(
    published,
    JSON.parse(JSON.stringify(CapacityReport)),
    'run npm run capacity -- schema to print the new schema',
  );
  const rehearsal: unknown = JSON.parse(JSON.stringify(RehearsalReport));
  t.strictSame(read('rehearsal-report'), rehearsal, 'run npm run capacity -- schema rehearsal to print the new schema');
  t.end();
});

t.test('a report matches the published schema, and an incomplete report does not', async (t) => {
  const { url } = await openSink(t);
  const report = await runTestbed(t, {
    url,
    scenarios: `{ ${step('short')} }`,
    env: { API_TOKEN: 'open sesame', RATE: '50' },
  });
  const validate = new Ajv().compile(published as object);
  t.ok(validate(JSON.parse(JSON.stringify(report))), JSON.stringify(validate.errors));
  t.notOk(validate({ ...report, steps: undefined }));
  t.notOk(validate({ ...report, judgement: { ...report.judgement, verdict: 'GOOD' } }));
  t.equal(report.plan.env['RATE'], '50');
  t.notMatch(JSON.stringify(report), /open sesame/, 'the report contains no secret');
});
