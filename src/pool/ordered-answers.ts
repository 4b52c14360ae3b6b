import { answerNumber } from '../messages/answer.js';

/** Passes the answers of a worker on in the order of their numbers, whichever of its two channels was faster. */
export class OrderedAnswers {
  readonly #onAnswer: (answer: Uint8Array<ArrayBuffer>) => void;
  /** Passed on so far, and those that overtook others. */
  #passed = 0;
  readonly #early = new Map<number, Uint8Array<ArrayBuffer>>();

  constructor(onAnswer: (answer: Uint8Array<ArrayBuffer>) => void) {
    this.#onAnswer = onAnswer;
  }

  take(answer: Uint8Array<ArrayBuffer>): void {
    this.#early.set(answerNumber(answer), answer);
    for (;;) {
      const next = this.#early.get(this.#passed + 1);
      if (next === undefined) return;
      this.#early.delete(++this.#passed);
      this.#onAnswer(next);
    }
  }
}
