/** What is said of a task. */
export interface TaskListener {
  /** All records of a task, or of one document in it, are answered and durable. */
  settled(task: number): void;
  settledGroup(task: number, group: number): void;
  /** What the first records of a group relay is sent. */
  relayed(task: number, group: number, records: number): void;
}

/**
 * Counts the open groups of a task. The acceptor keeps what is neither answered nor durable, and gives it to the next
 * worker when this one dies. What was acknowledged must not come again: dated now, it could win against later writes.
 */
export class OpenTask {
  readonly #task: number;
  readonly #listener: TaskListener;
  #groups = 0;
  /** The task itself counts as one, until it has been read to its end. */
  #open = 1;
  /** Groups that were settled before that. */
  readonly #early: number[] = [];
  #wasRead = false;

  constructor(task: number, listener: TaskListener) {
    this.#task = task;
    this.#listener = listener;
  }

  /** The task's next group. @param records How many it has, all of them open. */
  group(records: number): OpenGroup {
    const group = this.#groups++;
    this.#open++;
    return new OpenGroup(
      records,
      () => {
        this.#settle(group);
      },
      (relayed) => {
        this.#listener.relayed(this.#task, group, relayed);
      },
    );
  }

  /** The task has been read to its end. */
  endReading(): void {
    this.#wasRead = true;
    if (--this.#open === 0) this.#listener.settled(this.#task);
    else for (const group of this.#early) this.#listener.settledGroup(this.#task, group);
  }

  #settle(group: number): void {
    if (--this.#open === 0) this.#listener.settled(this.#task);
    else if (this.#wasRead) this.#listener.settledGroup(this.#task, group);
    else this.#early.push(group);
  }
}

/** Counts the open records of a group. */
export class OpenGroup {
  #open: number;
  readonly #onSettled: () => void;
  readonly #onRelayed: (records: number) => void;

  constructor(records: number, onSettled: () => void, onRelayed: (records: number) => void) {
    this.#open = records;
    this.#onSettled = onSettled;
    this.#onRelayed = onRelayed;
  }

  /** What the first records of the group relay is sent, with the present answer. */
  relayed(records: number): void {
    this.#onRelayed(records);
  }

  /** One record is answered, and durable if it is a write. */
  settleRecord(): void {
    if (--this.#open === 0) this.#onSettled();
  }
}
