import type { Say } from '../../lib/steps.ts';

export interface Progress {
  show(percent: number): void;
  end(): void;
}

const barLength = 30;

/** A bar that moves on a terminal; elsewhere a line for each quarter. */
export function openProgress(say: Say, label: string, stream: NodeJS.WriteStream = process.stdout): Progress {
  let shown = -1;
  return {
    show(percent) {
      const whole = Math.floor(Math.min(100, Math.max(0, percent)));
      if (stream.isTTY && whole !== shown) {
        const filled = Math.round((whole / 100) * barLength);
        stream.write(`\r${label} [${'#'.repeat(filled)}${'.'.repeat(barLength - filled)}] ${whole} %`);
        shown = whole;
      } else if (!stream.isTTY && (shown === -1 || Math.floor(whole / 25) > Math.floor(shown / 25))) {
        say(`${label} ${whole} %`);
        shown = whole;
      }
    },
    end() {
      if (stream.isTTY) stream.write('\n');
    },
  };
}
