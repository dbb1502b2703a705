import { randomBytes, randomInt } from 'node:crypto';
import { createVerifier } from 'fast-jwt';
import { openTokens, type Tokens } from '../../src/tokens.ts';
import { type BadTokens, createBadTokens } from '../lib/bad-tokens.ts';
import type { BenchCase, Candidate } from '../lib/bench-case.ts';

const secretKey = randomBytes(32).toString('base64url');
const tokensInUse = 5_000;
const verificationsPerRound = 400_000;
/** In three rounds a million. */
const badTokensPerRound = 340_000;
const badTokensAtOnce = 10_000;

/** CPU time of one verification, in this process: there is nothing around it. */
export const benchCase: BenchCase = {
  name: 'token',
  summary: 'Tokens verified from a bounded memory, against the same library without one',
  async open() {
    const tokens = openTokens({ secretKey, previousKey: undefined, lifetimeSeconds: 3600 });
    const bare = createVerifier({ key: secretKey, algorithms: ['HS256'] });
    const issued = Array.from({ length: tokensInUse }, (_, i) => tokens.issue(i + 1));
    return {
      candidates: [
        verifyAll('remembered', issued, verificationsPerRound, (token) => tokens.verify(token) !== undefined),
        verifyAll('fast-jwt', issued, verificationsPerRound / 10, (token) => bare(token) !== undefined),
        refuseAll(
          createBadTokens(secretKey, (min, max) => randomInt(min, max + 1)),
          tokens,
        ),
      ],
      targets: [
        {
          what: 'a remembered token / a verification by fast-jwt',
          of: ['remembered', 'cpuUsPerToken'],
          against: ['fast-jwt', 'cpuUsPerToken'],
          is: '<=',
          bound: 0.2,
        },
        { what: 'bad tokens accepted', of: ['bad', 'accepted'], is: '<=', bound: 0 },
        { what: 'bad tokens remembered', of: ['bad', 'remembered'], is: '<=', bound: 0 },
      ],
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
      return { cpuUsPerToken: (user + system) / count };
    },
  };
}

/** Each one is new, so that each is looked at in full. Their making is no part of the figure. */
function refuseAll(next: BadTokens, { verify, rememberedCount }: Tokens): Candidate {
  return {
    name: 'bad',
    async run() {
      const rememberedBefore = rememberedCount();
      let accepted = 0;
      let cpuUs = 0;
      for (let made = 0; made < badTokensPerRound; made += badTokensAtOnce) {
        const bad = Array.from({ length: badTokensAtOnce }, next);
        const cpu = process.cpuUsage();
        accepted += bad.filter((token) => verify(token) !== undefined).length;
        const { user, system } = process.cpuUsage(cpu);
        cpuUs += user + system;
      }
      return {
        cpuUsPerToken: cpuUs / badTokensPerRound,
        tokens: badTokensPerRound,
        accepted,
        remembered: rememberedCount() - rememberedBefore,
      };
    },
  };
}
