/**
 * A collaborative text as this page holds it. What is put in at once is one block, which is cut before anything comes
 * between its parts: an insert into an uncut block does not stand where it was typed for every client.
 */
import { splitClusters } from '../../core-wasm/reference/graphemes.js';
import { joinRuns, type TextMark } from '../../core-wasm/reference/text-join.js';
import { documentOrder } from '../../core-wasm/reference/text-order.js';
import { compareRuns, toBlock, toRun, type TextRun } from '../../core-wasm/reference/text-run.js';
import { readTextState, writeTextState, type TextId } from '../../core-wasm/reference/text-state.js';

/** Names a cluster for good, wherever it stands. */
export interface ClusterId {
  readonly author: string;
  readonly clock: number;
}

/** An extended grapheme cluster that is shown. */
export interface Cluster extends ClusterId {
  readonly text: string;
}

export class TextModel {
  readonly #author: string;
  /** What each author wrote, ascending. */
  readonly #authors = new Map<string, readonly TextRun[]>();
  #clock = 0;
  #order: readonly TextRun[] | undefined;
  #clusters: readonly Cluster[] | undefined;

  /** @param author Names this replica: no two may have the same. */
  constructor(author: string) {
    this.#author = author;
  }

  /** What is shown, in the order of the text. */
  get clusters(): readonly Cluster[] {
    return (this.#clusters ??= this.#inOrder()
      .filter((run) => !run.deleted)
      .flatMap(clustersOf));
  }

  /**
   * Takes in the state of others.
   *
   * @returns Whether it brought anything new.
   * @throws TextRefused for what is no state of a text.
   */
  merge(state: string): boolean {
    const { blocks, clock } = readTextState(state);
    const incoming = blocks.map(toRun).filter((run) => run.text !== '');
    // A text has thousands of blocks: too many for the arguments of a call.
    this.#clock = incoming.reduce((most, { last }) => Math.max(most, last), Math.max(this.#clock, clock));
    return this.#join(incoming);
  }

  /** Puts text before the cluster at this place, or at the end. */
  insert(place: number, text: string): void {
    if (text === '') return;
    const { clusters } = this;
    const [before, after] = [clusters[place - 1], clusters[place]];
    if (before !== undefined && after !== undefined) this.#cutBetween(before, after);
    const first = this.#clock + 1;
    const last = (this.#clock += splitClusters(text).length);
    // A state takes some 200 bytes per block: one for each character of a paste would soon be too much for a message.
    const run = { author: this.#author, first, last, text, left: idOf(before), right: idOf(after), deleted: false };
    this.#put(this.#author, [...this.#runsOf(this.#author), run]);
  }

  /** Deletes so many shown clusters. */
  delete(place: number, count: number): void {
    this.remove(this.clusters.slice(place, place + count));
  }

  /** Deletes these clusters, some of which may be gone already. */
  remove(gone: readonly ClusterId[]): void {
    const marks: { author: string; first: number; last: number; deleted: boolean }[] = [];
    for (const { author, clock } of gone) {
      const before = marks.at(-1);
      // A range leaves its blocks whole.
      if (before?.author === author && before.last === clock - 1) before.last = clock;
      else marks.push({ author, first: clock, last: clock, deleted: true });
    }
    this.#join(marks);
  }

  /** Forgets all of it. */
  clear(): void {
    this.#authors.clear();
    this.#order = undefined;
    this.#clusters = undefined;
  }

  /** How many shown clusters stand before and at a cluster, which may be deleted; undefined where it is not known. */
  placeAfter({ author, clock }: ClusterId): number | undefined {
    let shown = 0;
    for (const run of this.#inOrder()) {
      const isHere = run.author === author && run.first <= clock && clock <= run.last;
      if (isHere) return run.deleted ? shown : shown + clock - run.first + 1;
      if (!run.deleted) shown += run.last - run.first + 1;
    }
    return undefined;
  }

  /** The whole text as clients send it. */
  state(): string {
    const blocks = this.#inIdOrder().map(toBlock);
    return writeTextState({ blocks, clock: this.#clock, clientId: this.#author });
  }

  /** A boundary inside a block of somebody else, so that what is inserted there comes between its parts. */
  #cutBetween(before: Cluster, { author, clock }: Cluster): void {
    if (before.author !== author || before.clock !== clock - 1) return;
    const run = this.#runsOf(author).find(({ first, last }) => first < clock && clock <= last);
    if (run !== undefined) this.#join([{ author, first: clock, last: run.last, deleted: false }]);
  }

  #join(pieces: readonly (TextRun | TextMark)[]): boolean {
    let isChange = false;
    for (const author of new Set(pieces.map((piece) => piece.author))) {
      const known = this.#runsOf(author);
      const { runs } = joinRuns([...known, ...pieces.filter((piece) => piece.author === author)]);
      if (runs.length === known.length && runs.every((run, index) => run === known[index])) continue;
      isChange = true;
      this.#put(author, runs);
    }
    return isChange;
  }

  #runsOf(author: string): readonly TextRun[] {
    return this.#authors.get(author) ?? [];
  }

  #put(author: string, runs: readonly TextRun[]): void {
    this.#authors.set(author, runs);
    this.#order = undefined;
    this.#clusters = undefined;
  }

  #inOrder(): readonly TextRun[] {
    return (this.#order ??= documentOrder(this.#inIdOrder()));
  }

  #inIdOrder(): TextRun[] {
    return [...this.#authors.values()].flat().sort(compareRuns);
  }
}

function clustersOf({ author, first, last, text }: TextRun): Cluster[] {
  if (first === last) return [{ author, clock: first, text }];
  return splitClusters(text).map((cluster, index) => ({ author, clock: first + index, text: cluster }));
}

function idOf(cluster: Cluster | undefined): TextId | null {
  return cluster === undefined ? null : { author: cluster.author, clock: cluster.clock, offset: 0 };
}
