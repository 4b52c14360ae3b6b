/** Credentials that do not count, by every way to show one, before every type of message; and what each role may send. */
import tap, { test } from 'tap';
import { client } from '../../support/nodes/fixture.js';
import type { ClientOptions, RawClient } from '../../support/clients/client.js';
import { closeCodeOf, type Refused } from '../../support/values/forged.js';
import { forgedServer, type Role } from '../../support/nodes/forged-server.js';
import { samples, type Right } from '../../support/values/message-types.js';
import type { MessageType } from '../../../src/protocol/codes.js';

const { node, roles, refused } = await forgedServer(tap);
const encodings = ['binary', 'json'] as const;
let clientIds = 0;

interface Way {
  readonly name: string;
  /** For the upgrade; undefined when this way can't be used for a text. */
  readonly options?: (given: Refused) => ClientOptions | undefined;
  /** A message instead. */
  readonly message?: (given: Refused) => Record<string, unknown>;
  /** Whether it takes keys alone. */
  readonly isForKeys?: boolean;
}

const isToken = (text: string): boolean => /^[\w.-]+$/.test(text) && /[._]/.test(text);

const ways: readonly Way[] = [
  { name: 'query', options: ({ text }) => ({ token: text }) },
  {
    name: 'Authorization',
    options: ({ text }) => ({ headers: { Authorization: `Bearer ${text}` } }),
  },
  {
    name: 'X-API-Key',
    isForKeys: true,
    options: ({ text }) => ({ headers: { 'X-API-Key': text } }),
  },
  {
    name: 'subprotocol',
    options: ({ text }) => (isToken(text) ? { protocols: ['synckit', text] } : undefined),
  },
  { name: 'auth {token}', message: ({ text }) => ({ token: text }) },
  { name: 'auth {apiKey}', isForKeys: true, message: ({ text }) => ({ apiKey: text }) },
];

/** Sends one message of every type, without waiting for anything. @returns How many need to be authenticated. */
function sendAll(raw: RawClient, documentId: string): number {
  const all = Object.entries(samples(documentId, `forged-${++clientIds}`));
  const sent = all.filter(([type]) => type !== 'connect');
  for (const [type, { fields }] of sent) raw.send(type as MessageType, fields);
  return sent.filter(([, { right }]) => right !== 'none').length;
}

for (const way of ways) {
  test(`${way.name}: no credential that does not count opens any message`, async (t) => {
    let tried = 0;
    for (const given of refused) {
      const options = way.options?.(given) ?? (way.message === undefined ? undefined : {});
      if (options === undefined) continue;
      tried++;
      const what = `${given.what} by ${way.name}`;
      const encoding = encodings[tried % 2]!;
      const connected = await client(t, node, { ...options, encoding }).catch((error: unknown) => error);
      if (connected instanceof Error) {
        // Builds of uWebSockets.js differ in how much above the limit they take; none takes more than that.
        t.match([connected.message, given.text.length > 60_000], [/response: 431$/, true], what);
        continue;
      }
      const raw = connected as RawClient;
      const early = way.message === undefined ? 0 : sendAll(raw, 'doc:forged');
      if (way.message !== undefined) raw.send('auth', way.message(given));
      sendAll(raw, 'doc:forged');
      // A key is no token, and a token no key.
      const isKey = given.text.startsWith('sk_');
      const code = way.isForKeys === true && !isKey ? 'AUTH_FAILED' : given.code;
      t.equal((await raw.end()).code, closeCodeOf[code], what);
      const [authErrors, errors] = [raw.received('auth_error'), raw.received('error')];
      t.match(authErrors, [{ details: { code } }], what);
      t.equal(
        errors.filter(({ details }) => (details as { code: string }).code === 'AUTH_REQUIRED').length,
        early,
        what,
      );
      const others = raw.messages.filter(({ type }) => !['auth_error', 'error', 'pong'].includes(type));
      t.same(others, [], `${what}: nothing else is answered`);
    }
    t.ok(tried > 100, `${tried} were tried`);
  });
}

test('nothing of what they sent has arrived', async (t) => {
  const admin = await client(t, node, { token: roles.admin });
  t.same((await admin.subscribe('doc:forged'))['state'], {});
  admin.send('awareness_subscribe', { documentId: 'doc:forged' });
  const { states } = await admin.expect('awareness', ({ type }) => type === 'awareness_state');
  t.same(states, []);
});

/** What each role may; `anonymous` has shown nothing. */
const rights: Readonly<Record<Role | 'anonymous', readonly Right[]>> = {
  reader: ['read', 'none'],
  writer: ['write', 'none'],
  both: ['read', 'write', 'none'],
  denied: ['none'],
  admin: ['read', 'write', 'none'],
  anonymous: ['none'],
};

test('each role may send what it has the right to, and every other type is refused', async (t) => {
  for (const [role, allowed] of Object.entries(rights)) {
    const credential = role === 'anonymous' ? {} : { token: roles[role as Role] };
    for (const encoding of encodings) {
      const open = (): Promise<RawClient> => client(t, node, { ...credential, encoding });
      let raw = await open();
      const documentId = `doc:${role}-${encoding}`;
      for (const [type, { fields, right }] of Object.entries(samples(documentId, `${role}-${encoding}`))) {
        const what = `${role}, ${encoding}: ${type}`;
        // It exists in JSON frames only.
        if (type === 'connect' && encoding === 'binary') continue;
        // Before authentication a connection may send a few messages only.
        if (role === 'anonymous') raw = await open();
        const seen = raw.messages.length;
        const id = raw.send(type as MessageType, fields);
        const mayAnswer = allowed.includes(right);
        if (right === 'write' && role !== 'anonymous') {
          const named = type === 'delta_batch_chunk' ? 'whole' : id;
          const isAbout = ({ messageId, details }: (typeof raw.messages)[number]): boolean =>
            messageId === named || (details as { messageId?: string } | undefined)?.messageId === named;
          await raw.expect(`an answer to ${what}`, isAbout);
        }
        await raw.roundTrip();
        const codes = raw.messages
          .slice(seen)
          .filter((message) => message.type === 'error')
          .map(({ details }) => (details as { code: string }).code);
        const expected = role === 'anonymous' ? 'AUTH_REQUIRED' : 'PERMISSION_DENIED';
        t.same(codes, mayAnswer ? [] : [expected], what);
      }
      t.equal(raw.closed, undefined, `${role} stays connected`);
    }
  }
});
