/** The quick check of a file, beside others who write it. */

import { join } from 'node:path';
import t from 'tap';
import { documents } from '../../../src/storage/lmdb/environments/documents.js';
import { formatRange } from '../../../src/storage/lmdb/environments/environment.js';
import { checkQuickly } from '../../../src/storage/lmdb/file/check.js';
import { DamagedFile } from '../../../src/storage/lmdb/file/damaged-file.js';
import { DataFile } from '../../../src/storage/lmdb/file/data-file.js';
import type { Page } from '../../../src/storage/lmdb/file/page.js';
import { openFolder } from '../../../src/storage/lmdb/folder.js';
import { copyOf, wholeFolder } from '../../support/damage.js';

/** Whose first page is used anew by another one: something else is read. */
class ReusedFile extends DataFile {
  readonly #meanwhile: () => void;
  #isRead = false;

  constructor(directory: string, meanwhile: () => void) {
    super(join(directory, 'data.mdb'));
    this.#meanwhile = meanwhile;
  }

  override page(...which: Parameters<DataFile['page']>): Page {
    if (this.#isRead) return super.page(...which);
    this.#isRead = true;
    this.#meanwhile();
    throw new DamagedFile('page 7 is damaged: it has another number');
  }
}

void t.test('a page that is used anew since the snapshot is no damage; in the last snapshot, it is', async (t) => {
  const directory = copyOf(t, await wholeFolder(t));
  const store = openFolder({ directory });
  t.teardown(() => store.close());
  const busy = new ReusedFile(directory, () => store.putSync(Buffer.from('\0other'), Buffer.of(1)));
  checkQuickly(busy, formatRange(documents));
  busy.close();
  const idle = new ReusedFile(directory, () => undefined);
  t.throws(() => {
    checkQuickly(idle, formatRange(documents));
  }, /page 7 is damaged/);
  idle.close();
});
