/** What every storage adapter promises for collaborative texts; part of the suite in storage.ts. */

import { randomBytes } from 'node:crypto';
import { maxUpdateBytes } from '../../src/storage/limits.js';
import type { Storage, TextChange, TextUpdate } from '../../src/storage/port.js';
import { change, contentOf, row, rowsOf } from './storage-rows.js';
import type { Test } from './storage.js';

export function storageTextContract(test: Test): void {
  keepingTests(test);
  compactionTests(test);
  refusalTests(test);
}

function keepingTests(test: Test): void {
  test('updates of a text come back byte for byte, sorted by id', async (t, storage, opened) => {
    const allBytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const updates = [update(1, allBytes), update(2, Uint8Array.of(0)), update(3, new Uint8Array(randomBytes(5_000)))];
    const [first, second, third] = updates as [TextUpdate, TextUpdate, TextUpdate];
    t.same((await storage.commit([textChange({ append: [third, first] })])).refused, []);
    t.same((await storage.commit([textChange({ append: [second] })])).refused, []);
    t.strictSame(await updatesOf(storage), updates);
    const again = await opened.reopen();
    if (again !== undefined) t.strictSame(await updatesOf(again), updates);
  });

  test('a document may have a text only, or fields and a text', async (t, storage) => {
    await storage.commit([
      { ...textChange({ append: [update(1)] }), documentId: 'text', stamp: 7 },
      { ...change('both', [row()], 8), text: { append: [update(2)], replaces: [] } },
      change('fields', [row()], 9),
    ]);
    t.strictSame(await contentOf(storage, ['text', 'fields', 'both']), [
      { stamp: 7, fields: [], text: [update(1)] },
      { stamp: 9, fields: [row()], text: [] },
      { stamp: 8, fields: [row()], text: [update(2)] },
    ]);
  });

  test('documents whose ids are alike keep their texts apart', async (t, storage) => {
    const ids = ['a', 'a\x01', 'a\x02', 'aa', 'A'];
    await storage.commit(ids.map((id, i) => ({ ...textChange({ append: [update(i)] }), documentId: id })));
    await storage.commit([
      { ...textChange({ append: [update(9)], replaces: ids.map((_, i) => idOf(i)) }), documentId: 'a' },
    ]);
    for (const [i, id] of ids.entries()) t.strictSame(await updatesOf(storage, id), [update(id === 'a' ? 9 : i)], id);
  });

  test('an update of five megabytes', async (t, storage, opened) => {
    const large = update(1, new Uint8Array(randomBytes(5_000_000)));
    await storage.commit([textChange({ append: [large, update(2)] })]);
    const same = async (storage: Storage) => {
      const [first, second] = await updatesOf(storage);
      t.ok(Buffer.compare(first!.bytes, large.bytes) === 0);
      t.strictSame(second, update(2));
    };
    await same(storage);
    const again = await opened.reopen();
    if (again !== undefined) await same(again);
  });

  test('the bytes of a text belong to the caller, before and after', async (t, storage) => {
    const given = Uint8Array.of(1, 2, 3);
    const committed = storage.commit([textChange({ append: [update(1, given)] })]);
    given.fill(0);
    structuredClone(given, { transfer: [given.buffer] });
    await committed;
    for (let i = 0; i < 2; i++) {
      const [loaded] = await updatesOf(storage);
      t.strictSame(loaded, update(1, Uint8Array.of(1, 2, 3)));
      t.equal(loaded!.bytes.buffer.byteLength, 3, 'not a view of a larger buffer');
      loaded!.bytes.fill(9);
    }
  });

  test('an update that is given again changes nothing', async (t, storage) => {
    const again = textChange({ append: [update(2)], replaces: [idOf(1)] });
    await storage.commit([textChange({ append: [update(1)] })]);
    await storage.commit([again]);
    await storage.commit([again]);
    t.strictSame(await updatesOf(storage), [update(2)]);
    await storage.commit([textChange({ append: [update(2, Uint8Array.of(9))] })]);
    t.strictSame(await updatesOf(storage), [update(2)], 'the first bytes stay');
  });
}

function compactionTests(test: Test): void {
  test('a compaction removes only the updates that it names', async (t, storage) => {
    await storage.commit([textChange({ append: [update(1), update(2), update(4)] })]);
    await storage.commit([{ ...textChange({ append: [update(1)] }), documentId: 'other' }]);
    await storage.commit([textChange({ append: [update(3)], replaces: [idOf(1), idOf(2), idOf(8)] })]);
    t.strictSame(await updatesOf(storage), [update(3), update(4)]);
    t.strictSame(await updatesOf(storage, 'other'), [update(1)]);
  });

  test('an update that is appended stays, though the same change names it', async (t, storage) => {
    await storage.commit([textChange({ append: [update(1), update(2)], replaces: [idOf(1)] })]);
    t.strictSame(await updatesOf(storage), [update(1), update(2)]);
    await storage.commit([textChange({ append: [update(1)], replaces: [idOf(1), idOf(2)] })]);
    t.strictSame(await updatesOf(storage), [update(1)]);
  });

  test('changes of one text in one commit come one after the other', async (t, storage) => {
    await storage.commit([
      textChange({ append: [update(1)] }),
      textChange({ append: [update(2)], replaces: [idOf(1)] }),
      textChange({ append: [update(3)] }),
    ]);
    t.strictSame(await updatesOf(storage), [update(2), update(3)]);
  });

  test('a load sees a compaction with the fields of its commit, or nothing of it', async (t, storage) => {
    const commit = (n: number) =>
      storage.commit([
        { ...change('doc', [row({ counter: n })], n), text: { append: [update(n)], replaces: [idOf(n - 1)] } },
      ]);
    await commit(1);
    let commits = 1;
    const done = (async () => {
      while (commits < 60) await commit(++commits);
    })();
    while (commits < 50) {
      const [document] = await storage.load(['doc']);
      const n = document!.stamp;
      if (document!.fields[0]!.counter !== n || document!.text.map(({ id }) => id).join() !== idOf(n)) {
        t.fail(`commit ${n} was seen partially`);
      }
      await new Promise(setImmediate);
    }
    await done;
    t.strictSame(await updatesOf(storage), [update(60)]);
  });
}

function refusalTests(test: Test): void {
  const bad: Record<string, TextChange> = {
    'an id that is too short': { append: [{ ...update(1), id: '1'.repeat(31) }], replaces: [] },
    'an id in capitals': { append: [{ ...update(1), id: 'A'.repeat(32) }], replaces: [] },
    'an id with a line break': { append: [{ ...update(1), id: `${idOf(1)}\n` }], replaces: [] },
    'an invalid id among the replaced ones': { append: [update(1)], replaces: [idOf(0), ''] },
    'two updates of one id': { append: [update(1), update(2), update(1)], replaces: [] },
    'an empty update': { append: [update(1), update(2, new Uint8Array())], replaces: [] },
    'an update that is too large': { append: [update(1), update(2, new Uint8Array(maxUpdateBytes + 1))], replaces: [] },
    'updates that are replaced by nothing': { append: [], replaces: [idOf(0)] },
  };
  for (const [what, text] of Object.entries(bad)) {
    test(`refused: ${what}; the rest of the commit is written`, async (t, storage) => {
      await storage.commit([textChange({ append: [update(0)] })]);
      const { refused } = await storage.commit([
        { ...change('doc', [row()], 3), text },
        { ...textChange({ append: [update(1)] }), documentId: 'next' },
      ]);
      t.match(refused, [{ documentId: 'doc', path: undefined, reason: /./ }]);
      t.equal(refused.length, 1);
      t.strictSame(await contentOf(storage, ['doc', 'next']), [
        { stamp: 3, fields: [row()], text: [update(0)] },
        { stamp: 1, fields: [], text: [update(1)] },
      ]);
    });
  }

  test('refused: a text in a document with an impossible id', async (t, storage) => {
    const { refused } = await storage.commit([
      { ...change('', [row()]), text: { append: [update(1), update(2)], replaces: [] } },
      change('doc', [row()]),
    ]);
    t.same(
      refused.map(({ documentId, path }) => [documentId, path]),
      [
        ['', 'field'],
        ['', undefined],
      ],
    );
    t.strictSame(await rowsOf(storage, 'doc'), [row()]);
  });

  test('a text change without anything in it is no text', async (t, storage) => {
    t.same((await storage.commit([textChange({})])).refused, []);
    t.strictSame(await contentOf(storage, ['doc']), [{ stamp: 1, fields: [], text: [] }]);
  });
}

export function idOf(n: number): string {
  return n.toString(16).padStart(32, '0');
}

/** An update for tests in which its content does not matter. */
export function update(n: number, bytes: Uint8Array = Uint8Array.of(1, n & 0xff)): TextUpdate {
  return { id: idOf(n), bytes };
}

export function textChange(text: Partial<TextChange>) {
  return { ...change('doc', []), text: { append: [], replaces: [], ...text } };
}

export async function updatesOf(storage: Storage, documentId = 'doc'): Promise<readonly TextUpdate[]> {
  const [document] = await storage.load([documentId]);
  return document!.text;
}
