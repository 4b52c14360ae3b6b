/**
 * The loads of the scenario `auth`, in a process of their own: `auth-load.js <load> <port> <token>` says `ready`, goes on
 * until it is killed, and sends how many operations it has done when it gets a message.
 */
import { fileURLToPath } from 'node:url';
import { RawClient } from '../../test/support/clients/client.js';

export const user = { email: 'bench@example.com', password: 'the password of the bench' };

/** How many at a time; of five attempts for one account that are under way, the throttle refuses further ones. */
const SIGN_INS = 4;
const CONNECTIONS = 20;

interface Target {
  readonly port: number;
  readonly token: string;
}

let done = 0;

/** Does something again and again, as soon as the last one is done. */
async function forEver(work: () => Promise<void>): Promise<never> {
  for (;;) {
    await work();
    done++;
  }
}

async function signIn({ port }: Target): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/auth/login`, { method: 'POST', body: JSON.stringify(user) });
  await response.arrayBuffer();
  if (response.status !== 200) throw new Error(`a sign-in was answered with ${response.status}`);
}

async function verifyAgain({ port, token }: Target): Promise<() => Promise<void>> {
  const raw = await RawClient.connect(`ws://127.0.0.1:${port}/ws`, { token });
  return async () => {
    const answered = new Promise<void>((resolve) => {
      raw.onMessage = ({ type }) => {
        if (type === 'auth_success') resolve();
      };
    });
    raw.send('auth', { token });
    await answered;
    raw.messages.length = 0;
  };
}

export const loads: Readonly<Record<string, (target: Target) => Promise<void>>> = {
  none: () => Promise.resolve(),
  [`sign-ins, ${SIGN_INS} at a time`]: (target) => {
    for (let i = 0; i < SIGN_INS; i++) void forEver(() => signIn(target));
    return Promise.resolve();
  },
  [`HS256 tokens verified, ${CONNECTIONS} at a time`]: verifications,
  [`RS256 tokens verified, ${CONNECTIONS} at a time`]: verifications,
};

async function verifications(target: Target): Promise<void> {
  for (let i = 0; i < CONNECTIONS; i++) void forEver(await verifyAgain(target));
}

export const program = fileURLToPath(import.meta.url);

if (process.argv[1] === program) {
  const [load = '', port = '', token = ''] = process.argv.slice(2);
  await loads[load]?.({ port: Number(port), token });
  process.on('message', () => process.send?.(done));
  process.send?.('ready');
}
