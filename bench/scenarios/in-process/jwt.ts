/** Tokens: signing and verifying. */
import { importFrom } from '../../build.js';
import { timeInTurns } from '../../in-turns.js';
import type { Scenario } from '../../scenario.js';

type Tokens = typeof import('../../../src/auth/tokens/tokens.js');

const TOKENS = 20_000;
const secret = 'a secret of the bench, 32 characters or more';
const permissions = { canRead: ['*'], canWrite: ['*'], isAdmin: false };

export const jwt: Scenario = {
  name: 'jwt',
  about: 'tokens, in the process of the bench: µs of CPU per operation',
  rounds: 1,
  conditions: () => ({ algorithm: 'HS256', 'different tokens': TOKENS }),
  async run({ build }) {
    const { createTokenVerifier, signToken } = await importFrom<Tokens>(build, 'src/auth/tokens/tokens.js');
    const sign = (i: number): string =>
      signToken({ secret, userId: `user-${i}`, permissions, expiresInMs: 86_400_000 });
    const verifier = createTokenVerifier({ secret });
    const check = (token: string | undefined): void => {
      if (token === undefined || !verifier.verify(token).ok) throw new Error('a token of ours is refused');
    };
    const tokens = Array.from({ length: TOKENS }, (_, i) => sign(i));
    let next = 0;
    const works = {
      sign: () => void sign(next++),
      verify: () => check(tokens[next++ % TOKENS]),
    };
    const times = await timeInTurns(
      Object.values(works).map((work) => () => {
        for (let i = 0; i < 50; i++) work();
        return 50;
      }),
    );
    return Object.keys(works).map((operation, i) => ({ operation, µs: times[i] ?? NaN }));
  },
};
