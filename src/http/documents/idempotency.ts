/** The answers to requests with an `Idempotency-Key`: who sends such a request again gets the same answer. */
import { createHash } from 'node:crypto';
import { ProtocolError } from '../../errors.js';
import type { Answer } from '../answer.js';

interface Remembered {
  /** Hash of what was asked. */
  readonly request: string;
  readonly answer: Promise<Answer>;
  /** In ms of the monotonic clock. */
  readonly until: number;
}

export interface IdempotencyOptions {
  readonly maxKeys: number;
  /** For so long an answer is remembered, in ms. */
  readonly keepMs: number;
}

export interface IdempotentRequest {
  /** Whose key it is: two users may have the same. */
  readonly owner: string;
  readonly key: string;
  /** Method, path and what else the answer depends on. */
  readonly what: string;
  readonly body: Buffer;
}

/** In the memory of this process: another node does not know what this one has answered. */
export class Idempotency {
  readonly #options: IdempotencyOptions;
  /** By owner and key, the oldest first. */
  readonly #remembered = new Map<string, Remembered>();

  constructor(options: IdempotencyOptions) {
    this.#options = options;
  }

  get keys(): number {
    return this.#remembered.size;
  }

  /**
   * The answer that the same request got before, or is about to get; else that of `make`. What a client may try again,
   * such as with 429 or 503, is not remembered.
   *
   * @throws ProtocolError IDEMPOTENCY_KEY_REUSED
   */
  async answer(asked: IdempotentRequest, make: () => Promise<Answer>, now = performance.now()): Promise<Answer> {
    const name = JSON.stringify([asked.owner, asked.key]);
    const request = createHash('sha256').update(asked.what).update('\0').update(asked.body).digest('base64');
    const known = this.#remembered.get(name);
    if (known !== undefined && known.until > now) {
      if (known.request !== request) throw new ProtocolError('IDEMPOTENCY_KEY_REUSED');
      return known.answer;
    }
    const answer = make();
    this.#remembered.delete(name);
    const entry = { request, answer, until: now + this.#options.keepMs };
    this.#remembered.set(name, entry);
    this.#forget(now);
    const drop = (): void => {
      if (this.#remembered.get(name) === entry) this.#remembered.delete(name);
    };
    answer.then(({ status }) => {
      if (status.startsWith('5') || status.startsWith('429')) drop();
    }, drop);
    return answer;
  }

  #forget(now: number): void {
    for (const [name, { until }] of this.#remembered) {
      if (until > now && this.#remembered.size <= this.#options.maxKeys) return;
      this.#remembered.delete(name);
    }
  }
}
