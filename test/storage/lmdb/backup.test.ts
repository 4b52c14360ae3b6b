/** What backup and restore refuse, and that nothing is changed then. */

import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { backup } from '../../../src/storage/lmdb/backup/backup.js';
import { restore } from '../../../src/storage/lmdb/backup/restore.js';
import { inspect } from '../../../src/storage/lmdb/backup/inspect.js';
import { documents } from '../../../src/storage/lmdb/environments/documents.js';
import { openLmdbStorage } from '../../../src/storage/lmdb/storage.js';
import { change as changed, row } from '../../contract/storage-rows.js';
import { change, copyOf, damageDocument, documentIds, pageBytes, wholeFolder } from '../../support/damage.js';
import { runCli } from '../../support/nodes/run-cli.js';
import { newFolder, openIn } from './temporary-folder.js';

const skipDamaged = false;

void t.test('a copy has the same content, and is compact', async (t) => {
  const from = await wholeFolder(t, { withTexts: true });
  const to = join(await newFolder(t), 'new', 'backup');
  const made = await backup({ from, to, skipDamaged });
  const { bytes, counts } = await inspect(from, documents);
  t.equal(made.length, 1, 'there are no accounts');
  t.match(made[0], { counts, problems: [] });
  t.ok(made[0]!.bytes < bytes, `${made[0]!.bytes} of ${bytes} bytes`);
  t.same(readdirSync(to).sort(), ['backup.json', 'data.mdb', 'synckit.json']);
  const [before, after] = [openIn(t, from), openIn(t, to)];
  t.strictSame(await after.load(documentIds), await before.load(documentIds), 'with the numbers of commits');
});

void t.test('a backup overwrites nothing, and leaves nothing when it fails', async (t) => {
  const from = await wholeFolder(t);
  const place = await newFolder(t);
  const full = join(place, 'full');
  mkdirSync(full);
  writeFileSync(join(full, 'x'), '');
  await t.rejects(backup({ from, to: full, skipDamaged }), /full is not empty/);
  await t.rejects(backup({ from, to: join(full, 'x'), skipDamaged }), /x is not a folder/);
  await t.rejects(backup({ from, to: from, skipDamaged }), /a folder of its own/);
  await t.rejects(backup({ from: join(place, 'none'), to: join(place, 'b'), skipDamaged }), /no data.mdb in/);
  await t.rejects(backup({ from, to: '/proc/x', skipDamaged }), /can't be created/);
  const damaged = copyOf(t, from);
  damageDocument(damaged, 'doc130');
  await t.rejects(
    backup({ from: damaged, to: join(place, 'b'), skipDamaged }),
    /is damaged: no backup was made[^]*page \d+ is damaged/,
  );
  t.same(readdirSync(place), ['full']);

  const empty = join(place, 'empty');
  mkdirSync(empty);
  const [rescued] = await backup({ from: damaged, to: empty, skipDamaged: true });
  const left = rescued!.counts['documents']!;
  t.ok(rescued!.problems.length > 0 && left > 40 && left < 60, `${left} documents`);
  const storage = openIn(t, empty);
  for (const id of documentIds) {
    const [document] = await storage.load([id]);
    t.ok(document!.fields.length === 0 || document!.stamp === 3, `${id} has its record`);
  }
});

void t.test(
  'a backup to a link goes where that leads; nowhere, and to a mount point, it is refused at once',
  async (t) => {
    const from = await wholeFolder(t);
    const place = await newFolder(t);
    mkdirSync(join(place, 'folder'));
    symlinkSync('folder', join(place, 'link'));
    symlinkSync('none', join(place, 'dangling'));
    await backup({ from, to: join(place, 'link'), skipDamaged });
    t.same(readdirSync(join(place, 'folder')).sort(), ['backup.json', 'data.mdb', 'synckit.json']);
    await t.rejects(backup({ from, to: join(place, 'dangling'), skipDamaged }), /leads nowhere/);
    await t.rejects(backup({ from, to: '/proc', skipDamaged }), /\/proc is a mount point: name a folder in it/);
    t.same(readdirSync(place).sort(), ['dangling', 'folder', 'link']);
  },
);

void t.test('what an interrupted backup of the same process id left is not in the next one', async (t) => {
  const from = await wholeFolder(t);
  const to = join(await newFolder(t), 'backup');
  const left = openIn(t, `${to}.partial-${process.pid}`);
  await left.commit([changed('of another database', [row({ path: 'x' })])]);
  const [copied] = await backup({ from, to, skipDamaged });
  t.equal(copied!.counts['documents'], documentIds.length);
});

void t.test('a restore sees the processes that have the database open by another path', async (t) => {
  const from = join(await newFolder(t), 'backup');
  await backup({ from: await wholeFolder(t), to: from, skipDamaged });
  const place = await newFolder(t);
  mkdirSync(join(place, 'disk'));
  symlinkSync('disk', join(place, 'data'));
  openIn(t, join(place, 'data'));
  for (const name of ['disk', 'data']) {
    const refused = await runCli({ SYNCKIT_DATA_DIR: join(place, name) }, 'restore', '--from', from, '--force');
    t.match(refused, { code: 1, stderr: /Process \d+ has the database in .* open: end it first/ }, name);
  }
});

void t.test('a copy without the damaged page of the format version can be opened', async (t) => {
  const damaged = copyOf(t, await wholeFolder(t));
  damageDocument(damaged, documentIds[0]!);
  const to = join(await newFolder(t), 'rescued');
  const [rescued] = await backup({ from: damaged, to, skipDamaged: true });
  t.ok(rescued!.problems.includes('the format version is missing'));
  const [last] = await openIn(t, to).load([documentIds.at(-1)!]);
  t.equal(last!.stamp, 3);
});

void t.test('a restore replaces nothing unless it is forced, and moves aside what was there', async (t) => {
  const from = join(await newFolder(t), 'backup');
  await backup({ from: await wholeFolder(t), to: from, skipDamaged });
  const to = await newFolder(t);
  const storage = openLmdbStorage({ directory: to });
  await storage.commit([changed('mine', [row()])]);
  const open = await runCli({ SYNCKIT_DATA_DIR: to }, 'restore', '--from', from, '--force');
  t.match(open, {
    code: 1,
    stderr: new RegExp(`^Process ${process.pid} has the database in .* open: end it first\n$`),
  });
  await storage.close();
  await t.rejects(restore({ from, to, force: false }), /There is a database in .*--force/);

  const { replaced, parts } = await restore({ from, to, force: true });
  t.equal(parts.get(documents)!.counts['documents'], documentIds.length);
  t.match(await inspect(to, documents), { counts: { documents: documentIds.length }, problems: [] });
  t.match(await inspect(replaced!, documents), { counts: { documents: 1 }, problems: [] });
  // What was lost is no reason to ask.
  truncateSync(join(to, 'data.mdb'), 0);
  await restore({ from, to, force: false });
  rmSync(join(to, 'data.mdb'));
  await restore({ from, to, force: false });
  t.match(await inspect(to, documents), { counts: { documents: documentIds.length }, problems: [] });
});

void t.test('a damaged backup is not restored', async (t) => {
  const whole = join(await newFolder(t), 'backup');
  await backup({ from: await wholeFolder(t), to: whole, skipDamaged });
  const manifest = readFileSync(join(whole, 'backup.json'), 'utf8');
  const damages: [(folder: string) => void, RegExp][] = [
    [
      (f) => change(f, (bytes) => void (bytes[bytes.length - 5_000]! ^= 1)),
      /is damaged: data.mdb is not what was written/,
    ],
    [(f) => truncateSync(join(f, 'data.mdb'), 8_192), /is damaged: data.mdb is not what was written/],
    [(f) => rmSync(join(f, 'data.mdb')), /is damaged: data.mdb is missing/],
    [(f) => writeFileSync(join(f, 'backup.json'), '{'), /is damaged: backup.json can't be read/],
    [
      (f) => writeFileSync(join(f, 'backup.json'), manifest.replace(/"documents": 60/, '"documents": 61')),
      /60 documents instead of 61/,
    ],
    [
      (f) => writeFileSync(join(f, 'backup.json'), manifest.replace(/"format": \d+/, '"format": 99')),
      /newer version .* format 99/,
    ],
    [(f) => rmSync(join(f, 'backup.json')), /is not a backup: it has no backup.json/],
    [(f) => rmSync(f, { recursive: true }), /is not a backup: it is empty or not there/],
  ];
  for (const [damage, sentence] of damages) {
    const from = join(await newFolder(t), 'backup');
    cpSync(whole, from, { recursive: true });
    damage(from);
    const to = join(await newFolder(t), 'data');
    await t.rejects(restore({ from, to, force: true }), sentence);
    t.notOk(existsSync(join(to, 'data.mdb')));
  }
  // A medium that can't be written is enough.
  const from = join(await newFolder(t), 'backup');
  cpSync(whole, from, { recursive: true });
  chmodSync(from, 0o500);
  await restore({ from, to: join(await newFolder(t), 'data'), force: false });
  t.same(readdirSync(from).sort(), ['backup.json', 'data.mdb', 'synckit.json']);
});

void t.test('the commands say what other storages need', async (t) => {
  for (const command of [['backup', '--to', '/tmp/never'], ['restore', '--from', '/tmp'], ['check-data']]) {
    const { code, stderr } = await runCli({ DATABASE_URL: 'postgres://ann:hunter2@127.0.0.1:1/x' }, ...command);
    t.equal(code, 1);
    t.match(stderr, /^DATABASE_URL names a Postgres database.*pg_dump.*\n$/);
    t.match((await runCli({ DATABASE_URL: 'memory:' }, ...command)).stderr, /^DATABASE_URL is memory: .*\n$/);
  }
  t.match((await runCli({}, 'backup')).stderr, /backup needs --to/);
  t.match((await runCli({}, 'restore')).stderr, /restore needs --from/);
});

void t.test('check-data names what is damaged, and exits with 1', async (t) => {
  const directory = copyOf(t, await wholeFolder(t));
  const whole = await runCli({ SYNCKIT_DATA_DIR: directory }, 'check-data');
  t.match(whole, {
    code: 0,
    stdout: /60 documents, 2412 fields, 0 updates of texts, 0 entries of histories\.\nAll of it can be read\./,
  });
  damageDocument(directory, 'doc130');
  const { code, stdout, stderr } = await runCli({ SYNCKIT_DATA_DIR: directory }, 'check-data');
  t.equal(code, 1);
  t.match(stderr, /^damaged: page \d+ is damaged: .*: entries from .*document "doc1\d\d" are lost$/m);
  t.match(stdout, /^Damaged: \d+\.$/m);
  change(directory, (bytes) => bytes.fill(7, 0, 2 * pageBytes));
  const nothing = await runCli({ SYNCKIT_DATA_DIR: directory }, 'check-data');
  t.match(nothing, { code: 1, stderr: /is damaged: meta page 0 is damaged.*Nothing of it can be read/ });
});
