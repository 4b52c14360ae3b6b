import { TextCore } from '@synckit/core-wasm';
import { test } from 'tap';
import { ShardMetrics } from '../../../src/metrics/shard-metrics.js';
import { DocumentSends } from '../../../src/shard/echo/document-sends.js';
import { DocumentCommits } from '../../../src/shard/resume/document-commits.js';
import type { LoadedDocument } from '../../../src/shard/documents/documents.js';
import { KnownUpdates } from '../../../src/shard/text/known-updates.js';
import { TextWriter } from '../../../src/shard/text/text-writer.js';
import { TextReplica } from '../../support/clients/text-replica.js';

function typed(core: TextCore, document: LoadedDocument, replica: TextReplica, text: string): void {
  replica.insert(replica.length, text);
  core.merge(document.text!.handle, Buffer.from(replica.state()), false);
}

test('a compaction that can’t wait says what is new besides: others are told of that part alone', (t) => {
  const core = new TextCore();
  const writer = new TextWriter(core, new ShardMetrics(undefined));
  const text = { handle: core.open(), stored: 0, updates: new KnownUpdates() };
  const [sends, commits] = [new DocumentSends(0, 0), new DocumentCommits(0, true)];
  const rest = {
    text,
    stamp: 0,
    sends,
    commits,
    horizon: undefined,
    erasedAt: undefined,
    isEnded: false,
    keepsHistory: false,
    changedAt: 0,
    bytes: 0,
  };
  const document: LoadedDocument = { kind: 'loaded', id: 'd', handle: 0, ...rest };
  const replica = new TextReplica('alice');
  const other = core.open();
  const parts: string[] = [];
  for (let i = 0; i < 60; i++) {
    typed(core, document, replica, 'x'.repeat(5_000));
    const { append } = writer.nextUpdate(document);
    core.apply(other, [append[0]!.bytes]);
    parts.push(append[0]!.id);
  }
  t.equal(writer.needsCompaction(document), true);
  typed(core, document, replica, 'not written yet');
  const change = writer.compact(false)?.change;
  t.strictSame([...(change?.replaces ?? [])].sort(), parts.sort());
  t.equal(change?.append.length, 2);
  core.apply(other, [change!.append[0]!.bytes]);
  t.equal(core.text(other), replica.text(), 'with the first part the others have it all');
  const fresh = core.open();
  core.apply(fresh, [change!.append[1]!.bytes]);
  t.equal(core.text(fresh), replica.text(), 'the last part is the whole');
  t.strictSame(writer.nextUpdate(document), { append: [], replaces: [] });
  t.equal(writer.compact(true), undefined, 'it is not scattered any more');

  for (let i = 0; i < 60; i++) {
    typed(core, document, replica, 'y'.repeat(5_000));
    writer.nextUpdate(document);
  }
  t.equal(writer.compact(true)?.change.append.length, 1, 'without news there is none');
  t.end();
});

test('texts that may wait are not looked at while something else is to be written, however many they are', (t) => {
  const core = new TextCore();
  const writer = new TextWriter(core, new ShardMetrics(undefined));
  let looks = 0;
  const scattered = Array.from({ length: 100 }, (_, n) => {
    const text = { handle: core.open(), stored: 0, updates: new KnownUpdates() };
    const [sends, commits] = [new DocumentSends(0, 0), new DocumentCommits(0, true)];
    const rest = {
      stamp: 0,
      sends,
      commits,
      horizon: undefined,
      erasedAt: undefined,
      isEnded: false,
      keepsHistory: false,
      changedAt: 0,
      bytes: 0,
    };
    const document: LoadedDocument = {
      ...{ kind: 'loaded', id: `d${n}`, handle: 0, ...rest },
      get text() {
        looks++;
        return text;
      },
    };
    const replica = new TextReplica('alice');
    for (let i = 0; i < 20 || !writer.needsCompaction(document); i++) {
      typed(core, document, replica, 'x'.repeat(5_000));
      writer.nextUpdate(document);
    }
    return document;
  });
  looks = 0;
  for (let i = 0; i < 1_000; i++) if (writer.compact(false) !== undefined) t.fail('a text was compacted');
  t.equal(looks, 0);
  t.equal(writer.compact(true)?.document, scattered[0]);
  t.ok(looks < 20, `${looks} looks for one`);
  t.end();
});
