import { statusesFollowTheirPath } from './history.ts';
import type { CheckDeps, Finding, Invariant } from './invariant.ts';
import { jobsMatchRows } from './jobs.ts';
import { keysAreOurs } from './keys.ts';
import { nothingIsLeftBehind } from './leftovers.ts';
import { renditionsPlay } from './renditions.ts';
import { nothingIsStray } from './strays.ts';
import { uploadsAreKept } from './uploads.ts';
import { votesAreCounted } from './votes.ts';

export interface Verdict extends Finding {
  readonly number: number;
  readonly name: string;
}

const invariants: readonly Invariant[] = [
  uploadsAreKept,
  renditionsPlay,
  nothingIsStray,
  jobsMatchRows,
  statusesFollowTheirPath,
  votesAreCounted,
  keysAreOurs,
  nothingIsLeftBehind,
];

/** Checks all invariants in order. An invariant whose check fails counts as broken. */
export async function checkInvariants(deps: CheckDeps): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const { number, name, check } of invariants) {
    const finding = await check(deps).catch((error: unknown): Finding => {
      const reason = error instanceof Error ? error.message || error.name : String(error);
      return { checked: 'incomplete', breaks: [`could not be checked: ${reason}`] };
    });
    verdicts.push({ number, name, ...finding });
  }
  return verdicts;
}
