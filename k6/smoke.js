/**
 * Smoke: two clients go once through what the protocol has to offer, and every answer is checked. Shows within a second or
 * two that a server is up, reachable through whatever stands before it, and speaks the protocol. For after a deployment.
 *
 *   k6 run k6/smoke.js
 *   k6 run -e URL=wss://sync.example.com/ws -e TOKEN=… k6/smoke.js
 *
 * ITERATIONS (1), and URL, TOKEN, SLACK as in all scripts (README.md). A token must allow to read and write `*`.
 */
import { check } from 'k6';
import exec from 'k6/execution';
import { Conversation } from './lib/conversation.js';
import { options as optionsOf } from './lib/crowd.js';
import { ackLatency, fanoutLatency, problem } from './lib/metrics.js';
import { slack, text, whole } from './lib/settings.js';

const latencies = [`p(95)<${100 * slack}`, `p(99)<${250 * slack}`];

export const options = optionsOf(
  { smoke: { executor: 'per-vu-iterations', vus: 1, iterations: whole('ITERATIONS', 1), maxDuration: '5m' } },
  { checks: ['rate==1'], errors: ['count==0'], ack_latency: latencies, fanout_latency: latencies },
);

export { setup } from './lib/crowd.js';

export default async function ({ run }) {
  const documentId = `${run}-smoke-${exec.scenario.iterationInTest}`;
  const conversations = [];
  const open = async () => {
    const conversation = await Conversation.open();
    conversations.push(conversation);
    return conversation;
  };
  let completed = false;
  try {
    const [ann, bob] = [await open(), await open()];
    await introduce(ann, bob, documentId);
    await write(ann, bob, documentId);
    await remove(ann, bob, documentId);
    await catchUp(await open(), documentId);
    await refuse(ann);
    await beAware(ann, bob, documentId);
    await unsubscribe(ann, bob, documentId);
    completed = true;
  } catch (error) {
    problem('the conversation broke off:', error.message);
  }
  check(completed, { 'the conversation came to its end': (is) => is });
  for (const conversation of conversations) conversation.close();
}

async function introduce(ann, bob, documentId) {
  const token = text('TOKEN', '');
  await ann.ask('ping', {}, 'pong');
  const { userId, permissions } = await ann.ask('auth', token === '' ? {} : { token }, 'auth_success');
  check(userId, { 'auth_success names a user': (id) => typeof id === 'string' && id !== '' });
  check(permissions, { 'auth_success names permissions': (lists) => Array.isArray(lists?.canRead) });
  for (const client of [ann, bob]) {
    const id = client.send('subscribe', { documentId });
    const { requestId, state, clock } = await client.receive('sync_response');
    check(requestId, { 'sync_response names its request': (request) => request === id });
    check(state, { 'a new document is empty': (fields) => Object.keys(fields).length === 0 });
    check(clock, { 'sync_response has a clock': (entries) => Object.keys(entries).length > 0 });
  }
}

async function write(ann, bob, documentId) {
  const value = { text: 'Grüße, 你好 🎉', sentAt: Date.now(), nothing: null };
  const title = { documentId, field: 'title', value, clock: { ann: 1 }, clientId: 'ann', messageId: 'first' };
  const isTitle = ({ field }) => field === 'title';
  const arrival = bob.receive('delta', isTitle);
  const { arrivedAt } = await ann.ask('delta', title, 'ack', ({ messageId }) => messageId === 'first');
  ackLatency.add(Math.max(0, arrivedAt - value.sentAt));
  const update = await arrival;
  fanoutLatency.add(Math.max(0, update.arrivedAt - value.sentAt));
  check(update.value, { 'a subscriber gets the value as it was': (given) => same(given, value) });
  check(update.clock, { 'an update has a clock': (entries) => Object.keys(entries).length > 0 });

  const entry = (field, count) => ({
    type: 'set',
    documentId,
    field,
    value: count,
    clock: { ann: count },
    clientId: 'ann',
  });
  const batch = { documentId, deltas: [entry('a', 2), entry('b', 3)], messageId: 'batch' };
  await ann.ask('delta_batch', batch, 'ack', ({ messageId }) => messageId === 'batch');
  for (const { field } of batch.deltas) await bob.receive('delta', (delta) => delta.field === field);
  // A client that has sent a batch is sent batches.
  const batched = ann.receive('delta_batch', ({ deltas }) => deltas.some(({ field }) => field === 'b'));
  const ofBob = { documentId, field: 'b', value: 4, clock: { bob: 1 }, clientId: 'bob', messageId: 'bob' };
  await bob.ask('delta', ofBob, 'ack', ({ messageId }) => messageId === 'bob');
  await batched;
  const again = await ann.ask('delta_batch', batch, 'ack');
  check(again.messageId, { 'what is sent twice is acknowledged twice': (id) => id === 'batch' });
}

async function remove(ann, bob, documentId) {
  const removal = { documentId, field: 'a', value: { __deleted: true }, clock: { ann: 4 }, clientId: 'ann' };
  ann.send('delta', { ...removal, messageId: 'removal' });
  const { value } = await bob.receive('delta', (delta) => delta.field === 'a' && delta.value.__deleted === true);
  check(value, { 'a removal arrives': (given) => same(given, removal.value) });
  await ann.receive('ack', ({ messageId }) => messageId === 'removal');
}

async function catchUp(late, documentId) {
  const { state, clock } = await late.ask('subscribe', { documentId }, 'sync_response');
  check(state, { 'who comes late gets the document': (fields) => same(Object.keys(fields).sort(), ['b', 'title']) });
  const missed = await late.ask('sync_request', { documentId, vectorClock: clock }, 'sync_response');
  check(missed.deltas, { 'a client that is up to date gets nothing': (deltas) => deltas.length === 0 });
  const { operations } = await late.ask('sync_step1', { documentId, stateVector: {} }, 'sync_step2');
  const fields = operations.map(({ field }) => field).sort();
  check(fields, { 'who knows nothing gets everything': (all) => same(all, ['a', 'b', 'title']) });
}

async function refuse(client) {
  const { details } = await client.ask('subscribe', { documentId: 'not valid!' }, 'error');
  check(details.code, { 'a bad document id is refused': (code) => code === 'INVALID_DOCUMENT_ID' });
  await client.ask('ping', {}, 'pong');
}

async function beAware(ann, bob, documentId) {
  for (const client of [ann, bob]) await client.ask('awareness_subscribe', { documentId }, 'awareness_state');
  const cursor = { documentId, clientId: `${documentId}-ann`, state: { cursor: 7 }, clock: 1 };
  ann.send('awareness_update', cursor);
  const { state } = await bob.receive('awareness_update', ({ clientId }) => clientId === cursor.clientId);
  check(state, { 'awareness arrives': (given) => same(given, cursor.state) });
}

async function unsubscribe(ann, bob, documentId) {
  bob.send('unsubscribe', { documentId });
  await bob.ask('ping', {}, 'pong');
  bob.skip();
  const last = { documentId, field: 'c', value: 1, clock: { ann: 5 }, clientId: 'ann', messageId: 'last' };
  await ann.ask('delta', last, 'ack', ({ messageId }) => messageId === 'last');
  await bob.ask('ping', {}, 'pong');
  const silent = !bob.hasUnread('delta') && !bob.hasUnread('delta_batch');
  check(silent, { 'who has unsubscribed hears nothing more': (is) => is });
}

function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}
