/** Counts the open records of a task; the acceptor keeps the task until all of them are answered or durable. */
export class Ticket {
  #open = 1;
  readonly #onSettled: (task: number) => void;

  constructor(
    readonly task: number,
    onSettled: (task: number) => void,
  ) {
    this.#onSettled = onSettled;
  }

  open(count: number): void {
    this.#open += count;
  }

  /** One record is answered. The task itself counts as one, until it has been read to its end. */
  close(): void {
    if (--this.#open === 0) this.#onSettled(this.task);
  }
}
