/** What the clients of the load write. */

/** One of a few kinds of writes. */
export function writeSomething(client, documentId, i) {
  if (i % 10 === 0) client.send('delta_batch', { documentId, deltas: batch(20, i) });
  // Dated back by an hour: it loses.
  else if (i % 10 === 5) client.send('delta', { documentId, field: 'f1', value: i }, Date.now() - 3_600_000);
  else client.set(documentId, `f${i % 50}`, i);
  client.send('ack', { messageId: 'x' });
}

/** Operations of a `delta_batch`. */
export function batch(count, value) {
  return Array.from({ length: count }, (_, i) => ({ type: 'set', field: `b${i}`, value: value + i }));
}

/** The state of a text that somebody typed in runs of 30 000 characters. */
export function textOf(author, runs) {
  const id = (run) => ({ client_id: author, clock: run * 30_000, offset: 0 });
  const blocks = Array.from({ length: runs }, (_, i) => {
    const left = i === 0 ? null : id(i);
    const block = { id: id(i + 1), text: 'x'.repeat(30_000), left_origin: left, right_origin: null, deleted: false };
    return [id(i + 1), block];
  });
  return JSON.stringify({ blocks, clock: { value: runs * 30_000 }, client_id: author });
}
