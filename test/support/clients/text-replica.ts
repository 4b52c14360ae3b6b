/** A collaborative text as a client of the SDK holds it: what its edits leave, and how it takes the states of others. */
import {
  clusterCount,
  compareRuns,
  cutRun,
  documentOrder,
  readTextState,
  toBlock,
  toRun,
  writeTextState,
  type TextId,
  type TextRun,
} from '#core-wasm/reference';

export interface TextMessage {
  readonly state: string;
  readonly clientId: string;
}

/**
 * The merge is the client's own, which depends on the order of its arguments and may lose deletions: it joins what it
 * got from others only as well as the SDK does it.
 */
export class TextReplica {
  readonly #runs = new Map<string, TextRun>();
  #order: readonly TextRun[] | undefined;
  #clock = 0;
  #lastMerged: string | undefined;

  constructor(readonly clientId: string) {}

  /** Puts text before the visible cluster that has this position. */
  insert(position: number, text: string): void {
    const count = clusterCount(text);
    if (count === 0) throw new RangeError('there is nothing to insert');
    if (position > this.length) throw new RangeError(`${position} is behind the end`);
    const left = this.#clusterAt(position - 1);
    const right = this.#clusterAt(position);
    const [first, last] = [this.#clock + 1, this.#clock + count];
    this.#put({ author: this.clientId, first, last, text, left, right, deleted: false });
    this.#clock = last;
  }

  /** Deletes visible clusters; of runs that are met partly only the pieces. */
  delete(position: number, length: number): void {
    if (position + length > this.length) throw new RangeError(`${position} + ${length} is behind the end`);
    let passed = 0;
    for (const run of this.#visible()) {
      const first = run.first + position - passed;
      this.#deleteFrom(run, first, first + length - 1);
      passed += countOf(run);
    }
  }

  /** Takes a message, unless it is the replica's own or brings the state that it merged last. */
  receive({ state, clientId }: TextMessage): void {
    if (clientId === this.clientId || state === this.#lastMerged) return;
    this.merge(state);
    this.#lastMerged = state;
  }

  merge(state: string): void {
    const { blocks } = readTextState(state);
    const remote = blocks.map(toRun).sort(compareRuns);
    // A piece that is cut off ends earlier, where the remote state may have cut once more.
    for (const run of remote.toReversed()) this.#cutLike(run);
    const local = [...this.#runs.values()];
    const deletions: TextRun[] = [];
    for (const run of remote) {
      const known = this.#runs.get(keyOf(run));
      if (known !== undefined) {
        if (run.deleted) this.#put({ ...known, deleted: true });
      } else if (!local.some((other) => overlaps(run, other))) {
        this.#put(run);
      } else if (run.deleted) {
        deletions.push(run);
      }
    }
    for (const { author, first, last } of deletions) {
      for (const run of [...this.#runs.values()]) if (run.author === author) this.#deleteFrom(run, first, last);
    }
    this.#clock = Math.max(this.#clock, ...remote.map((run) => run.last));
  }

  /** What the client sends. */
  state(): string {
    return writeTextState({ blocks: this.#inIdOrder().map(toBlock), clock: this.#clock, clientId: this.clientId });
  }

  /** What the client shows once it has merged or loaded anything. */
  text(): string {
    return this.#visible()
      .map((run) => run.text)
      .join('');
  }

  /** Visible clusters. */
  get length(): number {
    return this.#visible().reduce((sum, run) => sum + countOf(run), 0);
  }

  #visible(): TextRun[] {
    this.#order ??= documentOrder(this.#inIdOrder());
    return this.#order.filter((run) => !run.deleted);
  }

  #inIdOrder(): TextRun[] {
    return [...this.#runs.values()].sort(compareRuns);
  }

  /** The id of the visible cluster at a position, or null outside the text. */
  #clusterAt(position: number): TextId | null {
    let passed = 0;
    for (const run of this.#visible()) {
      const index = position - passed;
      if (index >= 0 && index < countOf(run)) return { author: run.author, clock: run.first + index, offset: 0 };
      passed += countOf(run);
    }
    return null;
  }

  /** Cuts the run that has the id of a remote one, if that is shorter, so that they have the same clusters. */
  #cutLike(remote: TextRun): void {
    const known = this.#runs.get(keyOf(remote));
    if (known === undefined || countOf(remote) === 0 || countOf(known) <= countOf(remote)) return;
    for (const piece of cutRun(known, [remote.first])) this.#put(piece);
  }

  /** Deletes what a run has of the clusters from `first` to `last`. */
  #deleteFrom(run: TextRun, first: number, last: number): void {
    if (run.deleted || last < run.first || first > run.last) return;
    const cuts = [first, last + 1].filter((clock) => clock > run.first && clock <= run.last);
    for (const piece of cutRun(run, cuts)) {
      this.#put({ ...piece, deleted: piece.first >= first && piece.last <= last });
    }
  }

  #put(run: TextRun): void {
    this.#runs.set(keyOf(run), run);
    this.#order = undefined;
  }
}

function keyOf({ author, last }: TextRun): string {
  return `${last} ${author}`;
}

function countOf({ first, last }: TextRun): number {
  return last - first + 1;
}

function overlaps(a: TextRun, b: TextRun): boolean {
  return a.author === b.author && a.first <= b.last && b.first <= a.last;
}
