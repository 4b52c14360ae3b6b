/** Snapshots in backups: made beside a server, checked and restored. */
import { join } from 'node:path';
import { test } from 'tap';
import { snapshots } from '../../../src/storage/lmdb/environments/snapshots.js';
import { folder, server } from '../../support/nodes/fixture.js';
import { runCli } from '../../support/nodes/run-cli.js';

test('a backup has the snapshots, and a server reads them after it was restored', async (t) => {
  const [directory, place] = [await folder(t), await folder(t)];
  const node = await server(t, { SYNCKIT_DATA_DIR: directory, SHARDS: '1' });
  const headers = { 'Content-Type': 'application/json' };
  const body = `{"n":9007199254740993,"large":"${'x'.repeat(100_000)}"}`;
  await fetch(`${node.http}/documents/d`, { method: 'PATCH', headers, body });
  const { id } = (await (await fetch(`${node.http}/snapshots/d`, { method: 'POST' })).json()) as { id: string };
  const before = await (await fetch(`${node.http}/snapshots/id/${id}`)).text();
  const backup = join(place, 'backup');
  const run = (SYNCKIT_DATA_DIR: string, ...args: string[]) => runCli({ SYNCKIT_DATA_DIR }, ...args);
  t.match(await run(directory, 'backup', '--to', backup), { code: 0, stdout: /snapshots: 1 snapshots, / });
  t.match(await run(directory, 'check-data'), { code: 0, stdout: /1 snapshots\.\nAll of it can be read/ });

  const restored = join(place, 'restored');
  t.match(await run(restored, 'restore', '--from', backup), { code: 0, stdout: /1 snapshots/ });
  const other = await server(t, { SYNCKIT_DATA_DIR: restored, SHARDS: '1' });
  t.equal(await (await fetch(`${other.http}/snapshots/id/${id}`)).text(), before);
});

test('entries that this server did not write are found', (t) => {
  const reader = snapshots.newReader();
  // Of msgpack: the number 1, and the text `x`.
  const [one, text] = [Buffer.of(1), Buffer.of(0xa1, 0x78)];
  reader.read(Buffer.from('bytes'), one);
  reader.read(Buffer.from('of:d/1/x'), text);
  for (const [key, value] of [
    ['bytes', text],
    ['of:d/1/x', one],
    ['state:x', one],
    ['snapshot:x', one],
    ['other:x', text],
  ] as const) {
    t.throws(() => {
      reader.read(Buffer.from(key), value);
    }, key);
  }
  t.end();
});
