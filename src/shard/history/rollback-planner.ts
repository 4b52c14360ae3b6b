import type { RollbackPlan, RollbackSet } from '../../messages/history.js';
import type { FieldEntry, HistoryEntry, HistoryPlace, TextEntry } from '../../storage/history/port.js';

export interface RollbackPlannerOptions {
  /** Only what this user has changed; undefined for what anybody has. */
  readonly user: string | undefined;
  /** Only these fields; undefined for all and the text. */
  readonly fields: ReadonlySet<string> | undefined;
  /** Bytes of the values that are to be written. */
  readonly maxBytes: number;
}

/** What is found of one field. */
interface Step {
  /** Whether somebody else has changed it last: it stays. */
  readonly isForeign: boolean;
  /** What it held before the oldest change that is taken back. */
  value: string | null;
  /** What it holds after the newest. */
  readonly expected: string | null;
  /** Whether an older change stays: the field goes no further back. */
  isDone: boolean;
}

/**
 * Finds what takes changes back, from the newest entry to the oldest. Of one user's changes a field is taken back to
 * before the last ones that are his alone; where somebody else has changed it since, it stays. The text the same.
 */
export class RollbackPlanner {
  /** The oldest entry so far. */
  last: HistoryPlace | undefined;
  readonly #options: RollbackPlannerOptions;
  readonly #steps = new Map<string, Step>();
  readonly #kept = new Set<string>();
  /** When the oldest change of the text was made that is taken back, in ms since the epoch. */
  #textFrom: number | undefined;
  /** And the newest. */
  #textTo: number | undefined;
  #text: 'own' | 'done' | 'foreign' | 'kept' | undefined;
  #bytes = 0;

  constructor(options: RollbackPlannerOptions) {
    this.#options = options;
  }

  get isTooLarge(): boolean {
    return this.#bytes > this.#options.maxBytes;
  }

  /** To be called with each entry, the newest first. */
  add(entry: HistoryEntry): void {
    this.last = { commit: entry.commit, index: entry.index };
    const { fields } = this.#options;
    if (entry.kind === 'text') {
      if (fields === undefined) this.#addText(entry);
    } else if (fields?.has(entry.path) !== false) this.#addField(entry);
  }

  /**
   * @param since From when on changes are taken back, in ms since the epoch.
   * @returns With the time as of which the text is to be, if it is to change, and that of its newest entry.
   */
  plan(since: number | undefined): {
    readonly plan: RollbackPlan;
    readonly textAt: number | undefined;
    readonly textTo: number | undefined;
  } {
    const sets: RollbackSet[] = [];
    for (const [field, { isForeign, value, expected }] of this.#steps) {
      if (!isForeign && value !== expected) sets.push({ field, value, expected });
    }
    const plan = { sets, kept: [...this.#kept], ...(this.#text === 'kept' ? { keepsText: true as const } : {}) };
    const from = this.#textFrom;
    if (from === undefined || this.#text === 'kept') {
      return { plan, textAt: undefined, textTo: undefined };
    }
    const textAt = this.#text === 'own' && since !== undefined ? since : from - 1;
    return { plan, textAt, textTo: this.#textTo };
  }

  #addText({ at, authors }: TextEntry): void {
    const { user } = this.#options;
    const isOwn = user === undefined || authors.every(({ userId }) => userId === user);
    // What one has typed among others can't be told from theirs.
    const isMixed = !isOwn && authors.some(({ userId }) => userId === user);
    if (isMixed && this.#text !== 'done') this.#text = 'kept';
    if (this.#text === 'done' || this.#text === 'kept') return;
    if (this.#text === 'foreign') {
      if (isOwn) this.#text = 'kept';
    } else if (isOwn) {
      this.#text = 'own';
      this.#textFrom = at;
      this.#textTo ??= at;
    } else if (this.#text === undefined) this.#text = 'foreign';
    else this.#text = at === this.#textFrom ? 'kept' : 'done';
  }

  #addField({ path, before, after, author }: FieldEntry): void {
    const { user } = this.#options;
    const isOwn = user === undefined || author.userId === user;
    const step = this.#steps.get(path);
    if (step === undefined) {
      this.#steps.set(path, { isForeign: !isOwn, value: before, expected: after, isDone: false });
      if (isOwn) this.#bytes += path.length + (before?.length ?? 0);
    } else if (step.isForeign) {
      if (isOwn) this.#kept.add(path);
    } else if (!isOwn) step.isDone = true;
    else if (!step.isDone) {
      this.#bytes += (before?.length ?? 0) - (step.value?.length ?? 0);
      step.value = before;
    }
  }
}
