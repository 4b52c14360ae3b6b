/** Signing in and checking credentials: what they cost, and what others feel of them. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command } from '../../test/support/nodes/accounts.js';
import { RawClient } from '../../test/support/clients/client.js';
import { makeKey, signWith, type SigningKey } from '../../test/support/nodes/identity-provider.js';
import { dataFolder } from '../../test/support/nodes/server.js';
import { loads, program, user } from '../load/auth-load.js';
import { importFrom, type Build } from '../build.js';
import { rounded } from '../measure.js';
import { SHARDS } from '../servers/measured-server.js';
import type { Row, Scenario } from '../scenario.js';
import { secret, tokens } from '../load/tokens.js';

type Tokens = typeof import('../../src/auth/tokens/tokens.js');
type PublicKeyTokens = typeof import('../../src/auth/tokens/public-key-tokens.js');
type KeySets = typeof import('../../src/auth/tokens/key-set.js');
type ClaimRules = typeof import('../../src/auth/tokens/claims.js');

const SECONDS = 10;
const PAUSE_MS = 5;
const SIGNED = 1_000;
const VERIFIED = 10_000;
/** Verifications at a time. */
const AT_ONCE = 64;
const permissions = { canRead: ['*'], canWrite: ['*'], isAdmin: false };

export const auth: Scenario = {
  name: 'auth',
  about: 'tokens: µs of CPU of all threads; sign-ins and verifications: the fan-out latency of others beside them',
  rounds: 1,
  conditions: (options) => ({
    storage: 'lmdb',
    shards: SHARDS,
    'seconds per load': options.seconds ?? SECONDS,
    tokens: `${SIGNED} signed, ${VERIFIED} verified, ${AT_ONCE} at a time where that is asynchronous`,
    'fan-out': `from a write to the update at another client, one at a time, ${PAUSE_MS} ms after each`,
    ratio: 'p99 beside the load, divided by that of the first row',
  }),
  async run(bench) {
    const key = makeKey('bench', 'RS256');
    const rows = await tokenCosts(bench.build, key);
    const folder = await dataFolder();
    const keyFile = join(folder.path, 'issuer.pem');
    writeFileSync(keyFile, key.publicKey.export({ type: 'spki', format: 'pem' }));
    const env = {
      JWT_SECRET: secret,
      JWT_PUBLIC_KEY_FILE: keyFile,
      SYNCKIT_MAX_MESSAGES_PER_MINUTE: '0',
      SYNCKIT_MAX_USER_MESSAGES_PER_MINUTE: '0',
    };
    await command({ ...env, SYNCKIT_DATA_DIR: folder.path }, ['user', 'add', user.email], user.password);
    let calm = 0;
    for (const load of Object.keys(loads)) {
      const server = await bench.server({ storage: 'lmdb', folder: folder.path, env });
      const [own = '', other = ''] = tokens(2, 'auth');
      const [writer, reader] = await Promise.all(
        [own, other].map((token) => RawClient.connect(`ws://127.0.0.1:${server.port}/ws`, { token })),
      );
      if (writer === undefined || reader === undefined) throw new Error('no connections');
      await reader.subscribe('shared');
      const token = load.startsWith('RS256') ? await signWith(key, { userId: 'load', permissions }) : own;
      const loading = fork(program, [load, String(server.port), token]);
      await once(loading, 'message');
      const seconds = bench.options.seconds ?? SECONDS;
      const { p50, p99 } = await fanOut(writer, reader, seconds * 1_000);
      const answer = once(loading, 'message');
      loading.send('how many');
      const [done] = (await answer) as [number];
      if (calm === 0) calm = p99;
      rows.push({
        ...{ what: load, 'per second': rounded(done / seconds) },
        ...{ 'fan-out p50 ms': rounded(p50), 'fan-out p99 ms': rounded(p99), ratio: rounded(p99 / calm) },
      });
      loading.kill('SIGKILL');
      for (const raw of [writer, reader]) raw.socket.terminate();
      await server.stop();
    }
    await folder.remove();
    return rows;
  },
};

async function fanOut(writer: RawClient, reader: RawClient, ms: number): Promise<{ p50: number; p99: number }> {
  const times: number[] = [];
  const end = performance.now() + ms;
  while (performance.now() < end) {
    const value = times.length;
    const arrived = new Promise<void>((resolve) => {
      reader.onMessage = (message) => {
        if (message.type === 'delta' && JSON.stringify(message).includes(`"f":${value}`)) resolve();
        else if (message['value'] === value) resolve();
      };
    });
    const started = performance.now();
    writer.set('shared', 'f', value);
    await arrived;
    times.push(performance.now() - started);
    for (const raw of [writer, reader]) raw.messages.length = 0;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  times.sort((a, b) => a - b);
  const at = (part: number): number => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}

async function tokenCosts(build: Build, rsa: SigningKey): Promise<Row[]> {
  const { createTokenVerifier, signToken } = await importFrom<Tokens>(build, 'src/auth/tokens/tokens.js');
  const { PublicKeyVerifier } = await importFrom<PublicKeyTokens>(build, 'src/auth/tokens/public-key-tokens.js');
  const { readPem } = await importFrom<KeySets>(build, 'src/auth/tokens/key-set.js');
  const { defaultRules } = await importFrom<ClaimRules>(build, 'src/auth/tokens/claims.js');
  const rows: Row[] = [];
  const measure = async (
    name: string,
    sign: (i: number) => string | Promise<string>,
    verify: (token: string) => { readonly ok: boolean } | Promise<{ readonly ok: boolean }>,
  ): Promise<void> => {
    const made: string[] = [];
    const signing = await costOf(SIGNED, async (i) => void (made[i] = await sign(i)));
    const verifying = await costOf(VERIFIED, async (i) => {
      if (!(await verify(made[i % SIGNED] ?? '')).ok) throw new Error(`${name}: a token of ours is refused`);
    });
    for (const [what, cost] of [['signed', signing] as const, ['verified', verifying] as const]) {
      rows.push({
        what: `${name} ${what}`,
        'per second': rounded(cost.perSecond),
        'µs of CPU': rounded(cost.cpu),
      });
    }
  };
  const verifier = createTokenVerifier({ secret });
  const lifetime = { secret, permissions, expiresInMs: 86_400_000 };
  await measure(
    'HS256',
    (i) => signToken({ ...lifetime, userId: `user-${i}` }),
    (token) => verifier.verify(token),
  );
  for (const key of [rsa, makeKey('bench', 'ES256'), makeKey('bench', 'EdDSA')]) {
    const keys = readPem(key.publicKey.export({ type: 'spki', format: 'pem' }).toString());
    const publicKeys = new PublicKeyVerifier({ sources: [() => keys], rules: defaultRules, maxInProgress: AT_ONCE });
    await measure(
      key.alg,
      (i) => signWith(key, { userId: `user-${i}`, permissions }),
      (token) => publicKeys.verify(token),
    );
  }
  return rows;
}

/** CPU per operation in µs, of all threads of this process, and operations per second. */
async function costOf(times: number, work: (i: number) => Promise<void>): Promise<{ cpu: number; perSecond: number }> {
  const started = performance.now();
  const before = process.cpuUsage();
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < times) await work(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const { user: inUser, system } = process.cpuUsage(before);
  return { cpu: (inUser + system) / times, perSecond: times / ((performance.now() - started) / 1_000) };
}
