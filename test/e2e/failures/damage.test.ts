/** A server whose data folder is damaged: it says so and does not start, or serves what can be read. It never dies of it. */
import { spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { DataFile } from '../../../src/storage/lmdb/file/data-file.js';
import { exhaust, walk } from '../../../src/storage/lmdb/file/walk.js';
import { change, copyOf, documentIds, pageBytes, pagesOf, wholeFolder } from '../../support/damage.js';
import { client, folder, server } from '../../support/nodes/fixture.js';
import { until } from '../../support/nodes/server.js';

const main = fileURLToPath(new URL('../../../src/main.js', import.meta.url));
/** Why no disk can be mounted here; false when one can. */
const cannotMount =
  process.getuid?.() === 0 && spawnSync('unshare', ['--mount', 'true']).status === 0
    ? false
    : 'needs the right to mount';
const data = (directory: string): string => join(directory, 'data.mdb');

/** Fills bytes with noise. */
function noise(from: number, length: number) {
  return (directory: string): void => {
    change(directory, (bytes) => void randomFillSync(bytes, from, length));
  };
}

function replaceData(directory: string, content: string): void {
  writeFileSync(data(directory), content);
}

const refused: Record<string, [damage: (directory: string) => void, sentence: RegExp]> = {
  'cut in half': [
    (d) => change(d, (b) => b.subarray(0, b.length / 2)),
    /is damaged: page \d+ is missing: the file is cut off/,
  ],
  'cut within its meta pages': [(d) => truncateSync(data(d), 4200), /is damaged: meta page 1 .* the file ends in it/],
  'zeros in the first meta page': [(d) => change(d, (b) => b.fill(0, 0, pageBytes)), /meta page 0 is damaged/],
  'noise in the second meta page': [noise(pageBytes, pageBytes), /meta page 1 is damaged/],
  'noise in both': [noise(0, 2 * pageBytes), /meta page 0 is damaged/],
  'a meta page of long ago': [
    (d) => change(d, (b) => void b.writeUInt32LE(1001, pageBytes + 24 + 128)),
    /never lie so far/,
  ],
  'a root beyond the file': [
    (d) => change(d, (b) => void [0, 1].map((i) => b.writeUInt32LE(9e6, i * pageBytes + 24 + 112))),
    /root of a tree/,
  ],
  'a newer format of LMDB': [
    (d) => change(d, (b) => void b.writeUInt32LE(3, 28)),
    /data version 3 of LMDB, this server reads version 2/,
  ],
  'an empty file': [
    (d) => truncateSync(data(d), 0),
    /has an empty data.mdb, but documents were stored in it \(since 20/,
  ],
  'a missing file': [
    (d) => rmSync(data(d)),
    /has no data.mdb, but documents were stored in it \(since 20.*synckit-server restore/,
  ],
  'a missing file, its lock left by an older version': [
    (d) => [data(d), join(d, 'synckit.json')].forEach((path) => rmSync(path)),
    /has no data.mdb, but documents were stored in it \(lock.mdb is left\)/,
  ],
  'a text file': [
    (d) => replaceData(d, 'documents\n'.repeat(2_000)),
    /meta page 0 is damaged: it is not one of an LMDB file/,
  ],
  'a folder in its place': [(d) => (rmSync(data(d)), mkdirSync(data(d))), /data.mdb is not a file/],
  'a folder in the place of its lock': [
    (d) => (rmSync(join(d, 'lock.mdb')), mkdirSync(join(d, 'lock.mdb'))),
    /lock.mdb is not a file/,
  ],
  'a link that leads nowhere in the place of its lock': [
    (d) => (rmSync(join(d, 'lock.mdb')), symlinkSync('nowhere/lock.mdb', join(d, 'lock.mdb'))),
    /lock.mdb is a link that leads nowhere/,
  ],
  'noise in the root page': [
    (d) => noise(pagesOf(d, 'doc100')[0]! * pageBytes, pageBytes)(d),
    /is damaged: page \d+ is damaged/,
  ],
};

test('damage that concerns everything: the start is refused with a sentence that names the folder', async (t) => {
  const whole = await wholeFolder(t);
  for (const [what, [damage, sentence]] of Object.entries(refused)) {
    const SYNCKIT_DATA_DIR = copyOf(t, whole);
    damage(SYNCKIT_DATA_DIR);
    const error: unknown = await server(t, { SYNCKIT_DATA_DIR, SHARDS: '1' }).then(
      () => 'it started',
      (error: unknown) => error,
    );
    t.match(error, { message: /the server ended with 1: / }, what);
    t.match(error, { message: sentence }, what);
    t.match(error, { message: new RegExp(SYNCKIT_DATA_DIR) }, what);
  }
});

test('damage of some documents: they are errors, and all others are served and written', async (t) => {
  const SYNCKIT_DATA_DIR = copyOf(t, await wholeFolder(t));
  const lost = documentIds[30]!;
  noise(pagesOf(SYNCKIT_DATA_DIR, lost).at(-1)! * pageBytes, pageBytes)(SYNCKIT_DATA_DIR);
  // Neither is needed to open the file.
  writeFileSync(join(SYNCKIT_DATA_DIR, 'lock.mdb'), 'of another machine '.repeat(500));
  writeFileSync(join(SYNCKIT_DATA_DIR, 'synckit.json'), '');
  const to = await server(t, { SYNCKIT_DATA_DIR });
  const raw = await client(t, to);
  let whole = 0;
  for (const id of documentIds) {
    const asked = raw.received('sync_response', 'error').length;
    raw.send('subscribe', { documentId: id });
    await until('an answer', () => raw.received('sync_response', 'error').length > asked);
    const answer = raw.received('sync_response', 'error').at(-1)!;
    if (answer.type === 'error') {
      t.match(answer, { error: /^Storage unavailable/, details: { code: 'STORAGE_UNAVAILABLE', documentId: id } });
      continue;
    }
    whole++;
    t.ok(Object.keys(answer['state'] as object).length >= 40, `${id} is whole`);
    await raw.acked(raw.set(id, 'new', 'x'.repeat(500)));
  }
  t.ok(whole >= documentIds.length - 5 && whole < documentIds.length, `${whole} documents are whole`);
  await raw.acked(raw.set('another', 'new', 1));
  t.ok(
    to.log.some(({ msg, err }) => msg === 'a document could not be loaded' && /page \d+ is/.test(JSON.stringify(err))),
    'the log names page and document',
  );
  t.equal((await to.kill('SIGTERM')).code, 0);
});

test('a file that is cut behind all that is used is whole', async (t) => {
  const SYNCKIT_DATA_DIR = copyOf(t, await wholeFolder(t));
  copyFileSync(data(SYNCKIT_DATA_DIR), `${data(SYNCKIT_DATA_DIR)}.bak`);
  const used = new Set<number>();
  const file = new DataFile(data(SYNCKIT_DATA_DIR));
  const meta = file.meta();
  const onPages = (first: number, count: number): void => {
    for (let page = first; page < first + count; page++) used.add(page);
  };
  for (const tree of [meta.free, meta.main]) exhaust(walk(file, meta, tree, { onPages }));
  file.close();
  const end = Math.max(...used) + 1;
  truncateSync(data(SYNCKIT_DATA_DIR), end * pageBytes);
  const to = await server(t, { SYNCKIT_DATA_DIR });
  const raw = await client(t, to);
  t.ok(Object.keys((await raw.subscribe('doc100'))['state'] as object).length >= 40);
  await to.kill('SIGTERM');
  truncateSync(data(SYNCKIT_DATA_DIR), (Math.max(...used) - 1) * pageBytes);
  await t.rejects(server(t, { SYNCKIT_DATA_DIR }), /ended with 1: .*is damaged/s);
});

test('an empty folder is not one that lost its file', async (t) => {
  const SYNCKIT_DATA_DIR = await folder(t);
  const to = await server(t, { SYNCKIT_DATA_DIR });
  const raw = await client(t, to);
  await raw.acked(raw.set('d', 'a', 1));
  await to.kill('SIGKILL');
  const again = await server(t, { SYNCKIT_DATA_DIR });
  t.same((await (await client(t, again)).subscribe('d'))['state'], { a: 1 });
});

test('files that the user of the server may not open', { skip: process.getuid?.() !== 0 }, async (t) => {
  const whole = await wholeFolder(t);
  for (const name of ['data.mdb', 'lock.mdb', 'synckit.json']) {
    const SYNCKIT_DATA_DIR = copyOf(t, whole);
    for (const file of ['data.mdb', 'lock.mdb', 'synckit.json'])
      chownSync(join(SYNCKIT_DATA_DIR, file), 65_534, 65_534);
    chownSync(SYNCKIT_DATA_DIR, 65_534, 65_534);
    chmodSync(join(SYNCKIT_DATA_DIR, name), 0o000);
    const { status, stdout } = spawnSync(process.execPath, [main], {
      env: { PATH: process.env['PATH'], SYNCKIT_DATA_DIR, PORT: '0', HOST: '127.0.0.1', SHARDS: '1' },
      encoding: 'utf8',
      uid: 65_534,
      timeout: 60_000,
    });
    t.equal(status, 1, name);
    t.match(stdout, new RegExp(`EACCES.*${SYNCKIT_DATA_DIR}/${name}`), name);
  }
});

test('a disk that is full at the start', { skip: cannotMount }, async (t) => {
  for (const size of ['4k', '40k', '400k']) {
    const disk = await folder(t);
    t.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', disk]).status, 0);
    try {
      const started = server(t, { SYNCKIT_DATA_DIR: join(disk, 'data'), SHARDS: '2' });
      await t.rejects(started, /ended with 1: .*can't be written: its disk is full, \d+ bytes are left/s, size);
    } finally {
      spawnSync('umount', [disk]);
    }
  }
});
