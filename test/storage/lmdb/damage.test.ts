/** A damaged file is an error with a sentence: nothing of it ends the process, and nothing that is lost looks empty. */

import t from 'tap';
import { inspect, type Inspection } from '../../../src/storage/lmdb/backup/inspect.js';
import { documents } from '../../../src/storage/lmdb/environments/documents.js';
import { openLmdbStorage } from '../../../src/storage/lmdb/storage.js';
import type { Storage, StoredDocument } from '../../../src/storage/port.js';
import { randomFrom } from '../../contract/random.js';
import { row } from '../../contract/storage-rows.js';
import { update } from '../../contract/storage-text.js';
import { removeFolder } from './temporary-folder.js';
import { copyOf, damageAtRandom, documentIds, wholeFolder } from '../../support/damage.js';

const seed = Number(process.env['SEED'] ?? 7);
const rounds = Number(process.env['DAMAGE_ROUNDS'] ?? 60);

/** Each document as it is read, or the error. */
async function readAll(storage: Storage): Promise<(StoredDocument | Error)[]> {
  return Promise.all(
    documentIds.map((id) =>
      storage.load([id]).then(
        ([document]) => document!,
        (error: unknown) => error as Error,
      ),
    ),
  );
}

void t.test(`pages that are overwritten or cut off (SEED=${seed}, DAMAGE_ROUNDS=${rounds})`, async (t) => {
  const whole = await wholeFolder(t, { withTexts: true });
  t.match(await inspect(whole, documents), {
    counts: { documents: documentIds.length, fields: 60 * 40 + 12, updates: 57 },
    problems: [],
  });
  const reference = openLmdbStorage({ directory: whole });
  const expected = (await readAll(reference)) as StoredDocument[];
  await reference.close();
  const random = randomFrom(seed);
  const seen = { refused: 0, served: 0, lost: 0, written: 0 };
  for (let round = 0; round < rounds; round++) {
    const directory = copyOf(t, whole);
    const damage = damageAtRandom(directory, random);
    const report = await inspect(directory, documents).catch((error: unknown) => error as Error);
    let storage: Storage;
    try {
      storage = openLmdbStorage({ directory });
    } catch (error) {
      seen.refused++;
      if (!/is damaged: .*check-data/.test((error as Error).message)) t.fail(`${damage}: ${String(error)}`);
      if (!(report instanceof Error) && report.problems.length === 0) t.fail(`${damage}: refused, but not reported`);
      continue;
    }
    seen.served++;
    const read = await readAll(storage);
    for (const [i, document] of read.entries()) {
      if (document instanceof Error) seen.lost++;
      else if (document.fields.length !== expected[i]!.fields.length && !(report as Inspection).problems.length)
        t.fail(`${damage}: ${documentIds[i]} lost fields without a word`);
    }
    // Writes and removals in what could be read go on, next to what could not.
    for (const [i, documentId] of documentIds.entries()) {
      const document = read[i]!;
      if (document instanceof Error || random.below(3) > 0) continue;
      const fields = [row({ path: 'new', value: `"${'n'.repeat(random.below(3_000))}"`, counter: 9 })];
      const text = { append: [update(900 + i)], replaces: document.text.map(({ id }) => id) };
      const horizon = { timestamp: 1, counter: 1, clientId: 'x', stamp: 1 };
      const purge = { fields: document.fields.slice(0, random.below(40)), horizon };
      await storage.commit([{ documentId, stamp: 9, fields, text, purge }]);
      seen.written++;
    }
    await storage.close();
    await removeFolder(directory);
  }
  t.comment(seen);
  t.ok(seen.refused > 0 && seen.served > 0 && seen.lost > 0 && seen.written > 0);
});
