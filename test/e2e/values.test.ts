/** Values are the bytes that were sent, on every way: to others, into the storage and out of it. */
import { test } from 'tap';
import { client, server } from '../support/nodes/fixture.js';
import { exactValues, holding, sendText, textsOf } from '../support/values/exact-values.js';
import { durableStorages, storageEnv } from '../support/parts/storages.js';

const kinds = [
  { encoding: 'binary', supportsBatch: false },
  { encoding: 'binary', supportsBatch: true },
  { encoding: 'json', supportsBatch: false },
  { encoding: 'json', supportsBatch: true },
] as const;

for (const storage of durableStorages) {
  test(`VAL1 what is written comes back as it was sent, live and after a restart: ${storage}`, async (t) => {
    const env = await storageEnv(t, storage);
    const first = await server(t, env);
    const readers = [];
    for (const { encoding, supportsBatch } of kinds) {
      const reader = await client(t, first, { encoding });
      if (supportsBatch) await reader.acked(reader.send('delta_batch', { documentId: 'doc', deltas: [] }));
      await reader.subscribe('doc');
      readers.push(textsOf(reader));
    }
    for (const [i, [sent, kept]] of exactValues.entries()) {
      const { encoding, supportsBatch } = kinds[i % kinds.length]!;
      const writer = await client(t, first, { encoding });
      const write = `"field":"f${i}","value":${sent},"clock":{"w":1},"clientId":"w"`;
      const [type, fields] = supportsBatch
        ? (['delta_batch', `"deltas":[{"type":"set",${write}}]`] as const)
        : (['delta', i % 3 === 0 ? `"delta":{"f${i}":${sent}}` : write] as const);
      sendText(writer, encoding, type, `"id":"m${i}","documentId":"doc",${fields}`);
      await writer.acked(`m${i}`);
      for (const texts of readers) await holding(texts, `"field":"f${i}","value":${kept},`);
    }
    await first.kill('SIGKILL');

    const second = await server(t, env);
    const wanted = exactValues.map(([, kept], i) => `"f${i}":${kept}`);
    for (const encoding of ['binary', 'json'] as const) {
      const reader = await client(t, second, { encoding });
      const texts = textsOf(reader);
      await reader.subscribe('doc');
      const state = await holding(texts, '"state":');
      for (const part of wanted) t.ok(state.includes(part), part);
      reader.send('sync_request', { documentId: 'doc', vectorClock: { other: 1 } });
      const deltas = await holding(texts, '"deltas":[{');
      for (const [i, [, kept]] of exactValues.entries())
        t.ok(deltas.includes(`"field":"f${i}","value":${kept},`), kept);
    }
  });
}

test('VAL1 awareness states are what was sent', async (t) => {
  const to = await server(t);
  for (const encoding of ['binary', 'json'] as const) {
    const peer = await client(t, to, { encoding });
    const texts = textsOf(peer);
    peer.send('awareness_subscribe', { documentId: encoding });
    for (const [i, [sent, kept]] of exactValues.entries()) {
      const fields = `"id":"a${i}","documentId":"${encoding}","clientId":"${encoding}","clock":${i + 1}`;
      sendText(peer, encoding, 'awareness_update', `${fields},"state":{"at" : ${sent}}`);
      await holding(texts, `"state":{"at":${kept}}`);
    }
    const late = await client(t, to, { encoding });
    const seen = textsOf(late);
    late.send('awareness_subscribe', { documentId: encoding });
    await holding(seen, `"state":{"at":${exactValues.at(-1)![1]}}`);
  }
});

test('VAL2 one client’s keys never become those of another’s', async (t) => {
  const to = await server(t, { SHARDS: '1' });
  const writer = await client(t, to, { encoding: 'json' });
  const texts = textsOf(writer);
  sendText(writer, 'json', 'delta', '"id":"m1","documentId":"one","delta":{"\\"":1,"\\\\":2}');
  await writer.acked('m1');
  sendText(writer, 'json', 'delta', '"id":"m2","documentId":"two","delta":{"\\n":1,"\\u0001":{"\\n":1,"\\u0001":2}}');
  await writer.acked('m2');
  await writer.subscribe('two');
  const state = await holding(texts, '"documentId":"two","state":');
  t.ok(state.includes('"state":{"\\n":1,"\\u0001":{"\\n":1,"\\u0001":2}}'), state);
});

test('VAL3 a value that is nested too deeply is refused, and so is an awareness state', async (t) => {
  const to = await server(t, { SYNC_MAX_VALUE_DEPTH: '3' });
  const writer = await client(t, to, { encoding: 'json' });
  await writer.acked(writer.set('doc', 'field', [[{}]]));
  const refused = await writer.refused(writer.set('doc', 'field', [[{ a: [] }]]));
  t.match(refused.details, { code: 'INVALID_DELTA' });
  writer.send('awareness_update', { documentId: 'doc', clientId: 'c', clock: 1, state: { a: [[[]]] } });
  await writer.expect('the refusal', (m) => JSON.stringify(m).includes('"INVALID_MESSAGE"'));
  t.same((await writer.subscribe('doc'))['state'], { field: [[{}]] });
});

test('VAL1 a value of a megabyte is taken, whatever is in memory before it', async (t) => {
  const to = await server(t);
  const writer = await client(t, to);
  for (const size of [900_000, 1_000_000, 1_048_576, 1_500_000, 3_000_000]) {
    const value = 'x'.repeat(size);
    await writer.acked(writer.set(`doc${size}`, 'field', value));
    t.equal(((await writer.subscribe(`doc${size}`))['state'] as Record<string, unknown>)['field'], value);
  }
});
