/** Where a task tells that it needs no more keeping, as a whole or the records of one document in it. */
export interface SettledListener {
  settled(task: number): void;
  settledGroup(task: number, group: number): void;
}

/**
 * Counts the open groups of a task. The acceptor keeps what is neither answered nor durable, and gives it to the next
 * worker when this one dies. What was acknowledged must not come again: dated now, it could win against later writes.
 */
export class TaskTicket {
  readonly #task: number;
  readonly #listener: SettledListener;
  #groups = 0;
  /** The task itself counts as one, until it has been read to its end. */
  #open = 1;
  /** Groups that were settled before that. */
  readonly #early: number[] = [];
  #wasRead = false;

  constructor(task: number, listener: SettledListener) {
    this.#task = task;
    this.#listener = listener;
  }

  /** The ticket of the task's next group. */
  group(records: number): Ticket {
    const group = this.#groups++;
    this.#open++;
    return new Ticket(records, () => {
      this.#settle(group);
    });
  }

  /** The task has been read to its end. */
  close(): void {
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
export class Ticket {
  #open: number;
  readonly #onSettled: () => void;

  constructor(records: number, onSettled: () => void) {
    this.#open = records;
    this.#onSettled = onSettled;
  }

  /** One record is answered, and durable if it is a write. */
  close(): void {
    if (--this.#open === 0) this.#onSettled();
  }
}
