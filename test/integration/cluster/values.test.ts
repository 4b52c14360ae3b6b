/** Values on nodes that share a real Postgres and a real Redis: what one is sent, the other shows, byte by byte. */
import tap, { test } from 'tap';
import { cluster } from '../../support/nodes/cluster.js';
import { exactValues, holding, sendText, textsOf } from '../../support/values/exact-values.js';
import { client } from '../../support/nodes/fixture.js';

tap.setTimeout(300_000);

test('VAL1 values and awareness states are the same on every node, live and loaded', async (t) => {
  const { nodes } = await cluster(t);
  const writer = await client(t, nodes[0], { encoding: 'json' });
  const reader = await client(t, nodes[1], { encoding: 'json' });
  const texts = textsOf(reader);
  await reader.subscribe('doc');
  reader.send('awareness_subscribe', { documentId: 'doc' });
  for (const [i, [sent, kept]] of exactValues.entries()) {
    sendText(writer, 'json', 'delta', `"id":"m${i}","documentId":"doc","field":"f${i}","value":${sent}`);
    await writer.acked(`m${i}`);
    await holding(texts, `"field":"f${i}","value":${kept},`);
    const clock = `"clientId":"c${i}","clock":1`;
    sendText(writer, 'json', 'awareness_update', `"id":"a${i}","documentId":"doc",${clock},"state":{"at":${sent}}`);
    await holding(texts, `"state":{"at":${kept}}`);
  }
  const late = await client(t, nodes[1], { encoding: 'json' });
  const answer = textsOf(late);
  await late.subscribe('doc');
  const state = await holding(answer, '"state":');
  for (const [i, [, kept]] of exactValues.entries()) t.ok(state.includes(`"f${i}":${kept}`), kept);
});
