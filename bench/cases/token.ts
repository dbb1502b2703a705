import { randomBytes } from 'node:crypto';
import { createVerifier } from 'fast-jwt';
import { openTokens } from '../../src/tokens.ts';
import { atMost, type BenchCase, type Candidate } from '../lib/bench-case.ts';

const secretKey = randomBytes(32).toString('base64url');
const tokensInUse = 5_000;
const verificationsPerRound = 400_000;
const figure = 'cpuUsPerToken';

/** Measures the CPU time of one verification, in this process. */
export const benchCase: BenchCase = {
  name: 'token',
  summary: 'Verification of tokens with a bounded cache, against the same library without a cache',
  async open() {
    const tokens = openTokens({ secretKey, previousKey: undefined, lifetimeSeconds: 3600 });
    const bare = createVerifier({ key: secretKey, algorithms: ['HS256'] });
    const issued = Array.from({ length: tokensInUse }, (_, i) => tokens.issue(i + 1));
    return {
      candidates: [
        verifyAll('cached', issued, verificationsPerRound, (token) => tokens.verify(token) !== undefined),
        verifyAll('fast-jwt', issued, verificationsPerRound / 10, (token) => bare(token) !== undefined),
      ],
      targets: [atMost('cached / fast-jwt', ['cached', figure], 0.2, ['fast-jwt', figure])],
    };
  },
};

function verifyAll(name: string, issued: string[], count: number, isGood: (token: string) => boolean): Candidate {
  return {
    name,
    async run() {
      let good = 0;
      const cpu = process.cpuUsage();
      for (let i = 0; i < count; i += 1) if (isGood(issued[i % issued.length] as string)) good += 1;
      const { user, system } = process.cpuUsage(cpu);
      if (good !== count) throw new Error(`Expected ${count} tokens to be good, got ${good}`);
      return { [figure]: (user + system) / count };
    },
  };
}
