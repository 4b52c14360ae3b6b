/** Clients that edit a text, and states that no client would write. */
import {
  clusterCount,
  compareRuns,
  cutRun,
  documentOrder,
  readTextState,
  splitClusters,
  toBlock,
  toRun,
  ReferenceText,
  writeTextState,
  type TextId,
  type TextRun,
} from '../../reference/index.js';
import type { Random } from './random.js';
import { stateOf, type ShortBlock } from './text.js';

/** Clusters of all kinds: single bytes, escaped ones, several code points, ones that would join with their neighbours. */
const clusters = [
  ...['a', 'b', 'c', 'X', ' ', '.', '\n', '\t', '"', '\\', '/', '\r\n', '\u007f', '\u0001', '\u2028'],
  ...['é', 'e\u0301', 'ü', 'я', '中', '한', '😀', '👨‍👩‍👧', '🇫🇷', 'क्ष', '👋🏽', '\ufeff'],
];

const names = ['alice', 'bob', 'a', 'ab', 'é', '\ue000', '😀', '__proto__', 'with "quotes" \\ and \n', ''];

export function randomText(random: Random, most: number): string {
  const ascii = random.once(2);
  const length = 1 + random.below(most);
  const text = Array.from({ length }, () => (ascii ? random.pick('abcdefghij'.split('')) : random.pick(clusters)));
  return text.join('');
}

/** A client with a text of its own. All replicas write the same `client_id` into their states, to be compared easily. */
export class Replica {
  readonly #id: string;
  #runs: TextRun[] = [];
  #clock = 0;

  constructor(id: string) {
    this.#id = id;
  }

  /** The state as a client writes it. */
  state(): string {
    return writeTextState({ blocks: this.#runs.map(toBlock), clock: this.#clock, clientId: 'server' });
  }

  merge(...states: readonly string[]): void {
    const store = new ReferenceText();
    const handle = store.open();
    for (const state of [this.state(), ...states]) store.merge(handle, Buffer.from(state), false);
    const { blocks, clock } = readTextState(Buffer.from(store.state(handle, false)).toString());
    this.#runs = blocks.map(toRun);
    this.#clock = clock;
  }

  edit(random: Random): void {
    const visible = this.#visible();
    const at = random.below(visible.length + 1);
    if (at < visible.length && random.once(3)) this.#delete(visible.slice(at, at + 1 + random.below(6)));
    else this.#insert(randomText(random, random.once(2) ? 1 : 12), visible[at - 1] ?? null, visible[at] ?? null);
  }

  #insert(text: string, left: TextId | null, right: TextId | null): void {
    const count = splitClusters(text).length;
    const first = this.#clock + 1;
    this.#clock += count;
    this.#runs.push({ author: this.#id, first, last: this.#clock, text, left, right, deleted: false });
    this.#runs.sort(compareRuns);
  }

  #delete(range: readonly TextId[]): void {
    this.#runs = this.#runs
      .flatMap((run) => {
        if (run.deleted) return [run];
        const gone = range.filter((id) => id.author === run.author && id.clock >= run.first && id.clock <= run.last);
        const first = gone.at(0)?.clock;
        const last = gone.at(-1)?.clock;
        if (first === undefined || last === undefined) return [run];
        const cuts = [first, last + 1].filter((clock) => clock > run.first && clock <= run.last);
        return cutRun(run, cuts).map((piece) => {
          return piece.first >= first && piece.last <= last ? { ...piece, deleted: true } : piece;
        });
      })
      .sort(compareRuns);
  }

  #visible(): TextId[] {
    return documentOrder(this.#runs)
      .filter((run) => !run.deleted)
      .flatMap(({ author, first, last }) =>
        Array.from({ length: last - first + 1 }, (_, index) => ({ author, clock: first + index, offset: 0 })),
      );
  }
}

/** States of replicas that edited and sometimes merged each other's; a client could have sent each of them. */
export function randomStates(random: Random, replicas: number, edits: number): string[] {
  const chosen = random.shuffle(names).slice(0, replicas);
  const all = chosen.map((name) => new Replica(name));
  const sent: string[] = [];
  for (let edit = 0; edit < edits; edit++) {
    const replica = random.pick(all);
    replica.edit(random);
    if (random.once(3)) sent.push(replica.state());
    if (random.once(4) && sent.length > 0) random.pick(all).merge(random.pick(sent));
  }
  return [...sent, ...all.map((replica) => replica.state())];
}

/** Pieces that fuse with their neighbours in many ways. */
const loose = ['a', 'b', 'é', '\r', '\n', '\u0301', '\u200d', '👨', '🇫', 'क', '\u094d', 'ᄀ', '가', '"', '\\'];

/** Blocks that contradict those of other states and, if they may overlap, each other. */
export function hostileState(random: Random, overlapping: boolean): string {
  const author = () => random.pick(names.slice(0, random.once(3) ? names.length : 2));
  const clock = () => (random.once(30) ? random.pick([0, 2 ** 53 - 1, 2 ** 53 - 2]) : random.below(14));
  const origin = (): [string, number] | undefined => (random.once(3) ? undefined : [author(), clock()]);
  const ends = new Map<string, number>();
  const blocks = Array.from({ length: random.below(10) }, (): ShortBlock => {
    const pieces = Array.from({ length: random.below(7) }, () => random.pick(loose));
    const block = { author: author(), clock: clock(), text: pieces.join(''), left: origin(), right: origin() };
    if (!overlapping) {
      const end = ends.get(block.author);
      if (end !== undefined) block.clock = end + random.below(2) + Math.max(clusterCount(block.text), 1);
      ends.set(block.author, block.clock);
    }
    return { ...block, deleted: random.once(4) };
  });
  const possible = blocks.filter((block) => block.clock < 2 ** 53);
  return stateOf(possible, random.below(20), 'server');
}
