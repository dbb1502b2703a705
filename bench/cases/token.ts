import { createHmac, randomBytes } from 'node:crypto';
import { createVerifier } from 'fast-jwt';
import { openTokens } from '../../src/tokens.ts';
import type { BenchCase, Contestant } from '../lib/bench-case.ts';

const secretKey = randomBytes(32).toString('base64url');
const tokensInUse = 5_000;
const verificationsPerRound = 400_000;
const forgeriesPerRound = 100_000;

/** CPU time of one verification, in this process: there is nothing around it. */
export const benchCase: BenchCase = {
  name: 'token',
  summary: 'Tokens verified from a bounded memory, against the same library without one',
  async open() {
    const tokens = openTokens({ secretKey, previousKey: undefined, lifetimeSeconds: 3600 });
    const bare = createVerifier({ key: secretKey, algorithms: ['HS256'] });
    const issued = Array.from({ length: tokensInUse }, (_, i) => tokens.issue(i + 1));
    return {
      contestants: [
        verifyAll('remembered', issued, verificationsPerRound, (token) => tokens.verify(token) !== undefined),
        verifyAll('fast-jwt', issued, verificationsPerRound / 10, (token) => bare(token) !== undefined),
        forgeAll(tokens.verify, tokens.rememberedCount),
      ],
      targets: [
        {
          what: 'a remembered token / a verification by fast-jwt',
          of: ['remembered', 'cpuUsPerToken'],
          against: ['fast-jwt', 'cpuUsPerToken'],
          is: '<=',
          bound: 0.2,
        },
        { what: 'forged tokens accepted', of: ['forged', 'accepted'], is: '<=', bound: 0 },
        { what: 'forged tokens remembered', of: ['forged', 'remembered'], is: '<=', bound: 0 },
      ],
    };
  },
};

function verifyAll(name: string, issued: string[], count: number, isGood: (token: string) => boolean): Contestant {
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

/** Right in form, wrong in signature: each one is new, so that each is looked at in full. */
function forgeAll(verify: (token: string) => number | undefined, rememberedCount: () => number): Contestant {
  const header = Buffer.from('{"alg":"HS256","typ":"JWT"}').toString('base64url');
  const forge = (i: number) => {
    const claims = { sub: String(i + 1), exp: Math.floor(Date.now() / 1000) + 3600 };
    const signed = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
    return `${signed}.${createHmac('sha256', `not the key ${i}`).update(signed).digest('base64url')}`;
  };
  return {
    name: 'forged',
    async run({ number }) {
      const forged = Array.from({ length: forgeriesPerRound }, (_, i) => forge(number * forgeriesPerRound + i));
      const rememberedBefore = rememberedCount();
      const cpu = process.cpuUsage();
      const accepted = forged.filter((token) => verify(token) !== undefined).length;
      const { user, system } = process.cpuUsage(cpu);
      return {
        cpuUsPerToken: (user + system) / forged.length,
        accepted,
        remembered: rememberedCount() - rememberedBefore,
      };
    },
  };
}
