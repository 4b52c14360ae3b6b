/** What administrators and backends do with whole documents: replace texts, snapshots, deletion, and sending users away. */

/**
 * @param ask Sends a request of an administrator: `(path, options)`; undefined where it was not answered.
 * @param connect Makes a client of this user. @param id A new document.
 */
export async function manageDocuments(ask, connect, id) {
  const patch = (document, fields) => ask(`/documents/${document}`, { method: 'PATCH', body: JSON.stringify(fields) });
  const put = (text) =>
    ask(`/documents/${id}/text`, { method: 'PUT', body: text, headers: { 'Content-Type': 'text/plain' } });
  const jsonOf = (answer) => answer?.json().catch(() => undefined);

  await patch(id, { title: 'Plan' });
  for (const text of ['one line', 'one more line', 'one more line', 'other']) await put(text);
  await ask(`/snapshots/${id}`, { method: 'POST' });
  const kept = await jsonOf(await ask(`/snapshots/${id}`, { method: 'POST' }));
  await patch(id, { title: 'Later' });
  await ask(`/snapshots/id/${kept?.id}/restore`, { method: 'POST' });
  await ask(`/snapshots/id/${kept?.id}`, { method: 'DELETE' });
  await ask(`/snapshots/id/${kept?.id}`);
  await ask(`/snapshots/${id}-empty/latest`);

  await ask(`/documents/${id}`, { method: 'DELETE' });
  await patch(id, { title: 'Too late' });
  await ask(`/documents/${id}/restore`, { method: 'POST' });
  await ask(`/documents/${id}?hard=true`, { method: 'DELETE' });
  await put('once more');

  await patch(`checked:${id}`, { title: 7 });

  const client = await connect(`sent-away-${id}`);
  await client.settled(client.send('subscribe', { documentId: `${id}-other` }));
  await ask('/admin/disconnect', { method: 'POST', body: JSON.stringify({ userId: `sent-away-${id}` }) });
  await client.settled('the end', 2_000);
}
