import { request } from '../../support/http.ts';

export interface Pair {
  readonly videoId: number;
  readonly token: string;
}

export interface PairOutcome {
  counted: number;
  already: number;
  /** The connection ended before the answer: whether the vote was counted is not known. */
  cut: number;
  /** Anything else, which is an error. */
  others: string[];
}

/** Sends the same vote many times at once. A client whose connection is cut retries until it has an answer. */
export async function voteAtOnce(baseUrl: string, { videoId, token }: Pair, times: number): Promise<PairOutcome> {
  const outcome: PairOutcome = { counted: 0, already: 0, cut: 0, others: [] };
  await Promise.all(Array.from({ length: times }, () => voteOnce(baseUrl, videoId, token, outcome)));
  return outcome;
}

async function voteOnce(baseUrl: string, videoId: number, token: string, outcome: PairOutcome): Promise<void> {
  for (;;) {
    const answer = await request(`${baseUrl}/api/public/videos/${videoId}/vote`, { method: 'POST', token }).catch(
      () => undefined,
    );
    if (answer === undefined) outcome.cut += 1;
    else if (answer.status === 200) outcome.counted += 1;
    else if (answer.status === 400 && answer.text.includes('already voted')) outcome.already += 1;
    else outcome.others.push(`${answer.status} ${answer.text}`);
    if (answer !== undefined) return;
  }
}
