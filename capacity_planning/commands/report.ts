import { judgeReport } from '../lib/judge-report.ts';
import { readReport } from '../lib/read-report.ts';
import { makePage, writePage } from '../lib/render.ts';
import { readSlo } from '../lib/slo.ts';
import { isRehearsal, renderRehearsal } from '../rehearsal/write-rehearsal.ts';
import type { Options } from './options.ts';

/** Renders page and Markdown again from the raw figures, with a verdict by the current rules. */
export async function renderAgain(folder: string, options: Options): Promise<number> {
  if (isRehearsal(folder)) {
    process.stdout.write(`${renderRehearsal(folder).join('\n')}\n`);
    return 0;
  }
  const { judgement: _old, ...evidence } = readReport(folder);
  const report = { ...evidence, judgement: judgeReport(evidence, readSlo()) };
  const paths = writePage(folder, makePage(report));
  process.stdout.write(
    options.json ? `${JSON.stringify({ paths, judgement: report.judgement })}\n` : `${paths.join('\n')}\n`,
  );
  return 0;
}
