import { inspect } from 'node:util';
import type { Say } from '../lib/steps.ts';
import type { TapListener } from './count-tap.ts';
import { nameBySource } from './run-tap.ts';

/** One line a file as it ends, and what is known of each failure as it happens. */
export function printTap(say: Say): TapListener {
  return {
    onFile(file, within) {
      const counts = `${within.passed} passed${within.failed > 0 ? `, ${within.failed} FAILED` : ''}`;
      const duration = file.time === null ? '' : ` (${(file.time / 1000).toFixed(1)} s)`;
      say(`${file.ok ? 'ok' : 'not ok'}  ${nameBySource(file.name)}: ${counts}${duration}`);
    },
    onFailure(point) {
      say(`not ok  ${nameBySource(point.fullname)}`);
      if (point.diag) say(inspect(point.diag, { depth: 6, breakLength: 120 }).replaceAll(/^/gm, '    '));
    },
  };
}
