/** The text of the playground: what is typed stands where it was typed, and all replicas end alike. */
import { ReferenceText } from '#core-wasm/reference';
import { TextModel } from '#web/playground/text-model';
import { test } from 'tap';
import { Random } from '../support/random.js';
import { TextReplica } from '../support/clients/text-replica.js';

const textOf = (model: TextModel): string => model.clusters.map(({ text }) => text).join('');

test('edits at random places come out there, whatever was there before', (t) => {
  const random = new Random(7);
  const model = new TextModel('ann');
  const expected: string[] = [];
  for (let step = 0; step < 400; step++) {
    const place = random.between(0, expected.length);
    if (random.below(100) < 35) {
      const count = random.between(0, Math.min(4, expected.length - place));
      model.delete(place, count);
      expected.splice(place, count);
    } else {
      const typed = random.pick(['a', 'bc', 'é', '👨‍👩‍👧x', '\n']);
      model.insert(place, typed);
      expected.splice(place, 0, ...[...new Intl.Segmenter().segment(typed)].map(({ segment }) => segment));
    }
    if (textOf(model) !== expected.join('')) t.equal(textOf(model), expected.join(''), `step ${step}`);
  }
  t.ok(expected.length > 20);
  t.end();
});

test('replicas, a client of the SDK and a server exchange states and end with the same text', (t) => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Random(seed);
    const server = new ReferenceText();
    const handle = server.open();
    const pages = ['ann', 'bob'].map((name) => new TextModel(name));
    const sdk = new TextReplica('eve');
    const exchange = (state: string): string => {
      server.merge(handle, Buffer.from(state), false);
      return Buffer.from(server.state(handle, false)).toString();
    };
    for (let step = 0; step < 60; step++) {
      const page = random.pick(pages);
      const { length } = page.clusters;
      const place = random.between(0, length);
      if (random.below(3) === 0) page.delete(place, random.between(0, Math.min(3, length - place)));
      else page.insert(place, random.pick(['x', 'yz', 'é', 'word ']));
      if (random.below(4) === 0) sdk.insert(random.between(0, sdk.length), 'run of eve');
      if (random.below(3) === 0) page.merge(exchange(page.state()));
      if (random.below(5) === 0) sdk.receive({ state: exchange(sdk.state()), clientId: 'server' });
    }
    for (const page of pages) exchange(page.state());
    const last = exchange(sdk.state());
    for (const page of pages) page.merge(last);
    t.same(pages.map(textOf), [server.text(handle), server.text(handle)], `seed ${seed}`);
    t.notOk(pages[0]!.merge(last), 'nothing new the second time');
  }
  t.end();
});

test('what is typed inside a block of others comes between its parts, and a place outlives its cluster', (t) => {
  const eve = new TextReplica('eve');
  eve.insert(0, 'Hello');
  const page = new TextModel('ann');
  page.merge(eve.state());
  page.insert(2, 'XY');
  t.equal(textOf(page), 'HeXYllo');
  const place = page.clusters[3]!;
  t.equal(page.placeAfter(place), 4);
  page.delete(2, 2);
  t.equal(page.placeAfter(place), 2);
  t.equal(page.placeAfter({ author: 'nobody', clock: 1 }), undefined);
  t.end();
});

test('a paste is one block, also when it is deleted, and is cut where something comes between', (t) => {
  const page = new TextModel('ann');
  const blocks = (): number => (JSON.parse(page.state()) as { readonly blocks: readonly unknown[] }).blocks.length;
  page.insert(0, 'x'.repeat(4_000));
  t.equal(blocks(), 1);
  page.insert(2_000, 'between');
  t.equal(blocks(), 3);
  t.equal(textOf(page), `${'x'.repeat(2_000)}between${'x'.repeat(2_000)}`);
  const seen = page.clusters;
  page.delete(0, 4_007);
  t.equal(blocks(), 3, 'a range leaves its blocks whole');
  page.insert(0, 'y');
  page.remove(seen);
  t.equal(textOf(page), 'y', 'what is gone already is not deleted a second time');
  page.clear();
  t.equal(textOf(page), '');
  t.end();
});
