import { TextCore } from '@synckit/core-wasm';
import { test } from 'tap';
import { replaceText, type Replaced } from '../../../src/shard/text/replace/replace-text.js';
import { Random, seedsToPlay } from '../../support/random.js';
import { TextReplica } from '../../support/clients/text-replica.js';
import { textOf } from '../../support/values/text-states.js';

const limits = { diffMs: 1_000, maxStateBytes: 8 * 1024 ** 2 };
/** One of several code points each, and marks that join with what is before them. */
const clusters = [
  'a',
  'b',
  ' ',
  '\n',
  '\r\n',
  'é',
  'e\u0301',
  '\u0301',
  '👋🏽',
  '👨‍👩‍👧',
  '🇫🇷',
  'क्ष',
  '\ud83d\ude00',
  '"',
  '\\',
];

/** The text of a server, and clients that edit it. */
class World {
  readonly core = new TextCore();
  readonly handle = this.core.open();
  #authors = 0;

  get text(): string {
    return this.core.text(this.handle);
  }

  get state(): string {
    return Buffer.from(this.core.state(this.handle, false)).toString();
  }

  take(replica: TextReplica): void {
    this.core.merge(this.handle, Buffer.from(replica.state()), false);
  }

  put(content: string): Replaced {
    return replaceText(this.core, this.handle, content, `server-x.${++this.#authors}`, limits);
  }
}

function randomContent(random: Random, most: number): string {
  return Array.from({ length: random.below(most) }, () => random.pick(clusters)).join('');
}

/** Some pieces of a text, at whatever UTF-16 units, with others between. */
function changed(random: Random, text: string): string {
  let content = text;
  for (let edits = random.below(4); edits >= 0; edits--) {
    const at = random.below(content.length + 1);
    const removed = random.once(2) ? random.below(8) : 0;
    content = content.slice(0, at) + randomContent(random, 5) + content.slice(at + removed);
  }
  return content.toWellFormed();
}

test('a text shows what it was replaced by, to every client, and keeps what is typed meanwhile', (t) => {
  let rewritten = 0;
  for (const seed of seedsToPlay([1, 2, 3], 100)) {
    const random = new Random(seed);
    const world = new World();
    const replicas = ['ann', 'bob', 'cyd'].map((id) => new TextReplica(id));
    let typed = 0x4e00;
    for (let turn = 0; turn < 12; turn++) {
      const fresh: string[] = [];
      for (const replica of replicas) {
        if (random.once(2)) replica.merge(world.state);
        if (random.once(3) && replica.length > 2) replica.delete(random.below(replica.length - 1), 1);
        if (random.once(2)) {
          const character = String.fromCodePoint(typed++);
          replica.insert(random.below(replica.length + 1), character + randomContent(random, 3));
          fresh.push(character);
        }
      }
      const content = random.once(5) ? randomContent(random, 30) : changed(random, world.text);
      if (world.put(content) === 'rewritten') rewritten++;
      if (world.text !== content) t.equal(world.text, content, `seed ${seed}`);
      if (textOf(world.state) !== content) t.equal(textOf(world.state), content, `as clients show it, seed ${seed}`);
      for (const replica of replicas) world.take(replica);
      for (const character of fresh) {
        if (!world.text.includes(character)) t.fail(`${character} is lost, seed ${seed}`);
      }
    }
    // Clients that have lost a deletion by their own merge are sent the whole state until they have it.
    for (const replica of replicas) {
      for (let round = 0; round < 10 && replica.text() !== world.text; round++) {
        replica.merge(world.state);
        world.take(replica);
      }
      if (replica.text() !== world.text) t.equal(replica.text(), world.text, `seed ${seed}`);
    }
  }
  t.comment(`${rewritten} rewritten`);
  t.pass();
  t.end();
});

test('what both texts have in common is not touched', (t) => {
  const world = new World();
  const ann = new TextReplica('ann');
  ann.insert(0, 'The quick brown fox jumps over the lazy dog');
  world.take(ann);
  const before = world.core.blockCount(world.handle);
  t.equal(world.put('The quick red fox jumps over the very lazy dog'), 'edited');
  t.ok(world.core.blockCount(world.handle) <= before + 6, 'few pieces');
  const authors = world.core.visible(world.handle).blocks.map(({ author, units }) => ({ author, units }));
  const own = authors.filter(({ author }) => author !== 'ann').reduce((sum, { units }) => sum + units, 0);
  t.ok(own <= 'red very '.length, `${own} units are new`);
  ann.delete(0, 1);
  ann.insert(0, 't');
  ann.insert(ann.length, '!');
  world.take(ann);
  t.equal(world.text, 'the quick red fox jumps over the very lazy dog!');
  t.equal(world.put(world.text), 'same');
  t.equal(world.put(''), 'edited');
  t.equal(world.text, '');
  t.equal(world.put('new'), 'edited');
  t.equal(world.text, 'new');
  t.end();
});

test('an insert that clients show before an uncut run stays where the content has it', (t) => {
  const world = new World();
  const ann = new TextReplica('ann');
  ann.insert(0, 'Hello');
  ann.insert(2, 'X');
  world.take(ann);
  t.equal(world.text, 'XHello');
  world.put('XHe-llo');
  t.equal(world.text, 'XHe-llo');
  t.end();
});

test('large texts', (t) => {
  const world = new World();
  const line = 'Etwas Text, der sich wiederholt: 👋🏽 и по-русски.\n';
  const large = line.repeat(Math.ceil(1_000_000 / Buffer.byteLength(line)));
  world.put(large);
  t.equal(world.text, large);
  const changedText = large.replaceAll('Text', 'Satz').slice(500);
  const started = performance.now();
  const replaced = world.put(changedText);
  t.comment(`${replaced} in ${Math.round(performance.now() - started)} ms`);
  t.equal(world.text, changedText);
  const [author, at] = ['other', 17];
  world.put(changedText.slice(0, at) + author + changedText.slice(at));
  t.equal(world.text.slice(at, at + author.length), author);
  t.end();
});

test('a text is refused that is too large, and one that is no Unicode', (t) => {
  const world = new World();
  world.put('kept');
  const version = world.core.version(world.handle);
  t.throws(() => world.put('x'.repeat(limits.maxStateBytes + 1)), { code: 'DOCUMENT_TOO_LARGE' });
  t.throws(() => world.put('"'.repeat(limits.maxStateBytes - 10)), { code: 'DOCUMENT_TOO_LARGE' }, 'as JSON');
  t.throws(() => world.put('a\ud800'), { code: 'INVALID_DELTA' });
  t.equal(world.core.version(world.handle), version);
  t.end();
});

test('no clock is left above the largest one', (t) => {
  const world = new World();
  const id = { client_id: 'a', clock: Number.MAX_SAFE_INTEGER, offset: 0 };
  const block = { id, text: 'x', left_origin: null, right_origin: null, deleted: false };
  const state = JSON.stringify({ blocks: [[id, block]], clock: { value: id.clock }, client_id: 'a' });
  world.core.merge(world.handle, Buffer.from(state), false);
  t.throws(() => world.put('xy'), { code: 'INVALID_DELTA' });
  t.equal(world.text, 'x');
  t.equal(world.put(''), 'edited');
  t.end();
});
