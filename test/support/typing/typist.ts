/** Somebody who types into a form field that is bound to a document, and watches it. */
import type { Random } from '../random.js';
import type { FormClient } from './form-client.js';

export interface Pace {
  readonly keyMs: number;
  /** Each key is early or late by up to this; default 0. */
  readonly jitterMs?: number;
  /** Of the jitter. */
  readonly random: Random;
}

/** Keys of different typists never meet, and each is typed once: a value says which keys it holds. */
const FIRST_KEY = 0x4e00;
const KEYS_PER_TYPIST = 1_000;

export class Typist {
  /** How often the field showed something that is not what it showed before, or that and more. */
  back = 0;
  readonly #typed: string[] = [];
  /** Indices of keys that may be hidden. */
  readonly #excused = new Set<number>();
  #excusing = false;
  /** Acknowledgements before are of a connection that broke. */
  #excusedUntil = 0;
  #shown: string;

  /** @param number Which typist of the field it is, from 0. */
  constructor(
    readonly client: FormClient,
    readonly field: string,
    readonly number: number,
  ) {
    this.#shown = this.value;
    client.onShown(() => this.#watch());
    client.onAck(() => {
      if (performance.now() >= this.#excusedUntil) this.#excusing = false;
    });
  }

  /** What the field shows. */
  get value(): string {
    const value = this.client.get(this.field);
    return typeof value === 'string' ? value : '';
  }

  get typed(): number {
    return this.#typed.length;
  }

  /** Types so many keys, each after what the field shows at that moment. */
  async type(count: number, { keyMs, jitterMs = 0, random }: Pace): Promise<void> {
    for (let i = 0; i < count; i++) {
      const key = String.fromCharCode(FIRST_KEY + this.number * KEYS_PER_TYPIST + this.#typed.length);
      if (this.#excusing) this.#excused.add(this.#typed.length);
      this.#typed.push(key);
      this.client.set(this.field, this.value + key);
      const waitMs = keyMs - jitterMs + random.below(2 * jitterMs + 1);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }

  /**
   * Keys that are not acknowledged yet, and all until the next acknowledgement, may be hidden.
   *
   * @param brokenMs Time in which none can come but those of a connection that is about to break.
   */
  excuse(brokenMs = 0): void {
    this.#excusedUntil = performance.now() + brokenMs;
    const first = Math.max(0, this.#typed.length - this.client.unacked);
    for (let i = first; i < this.#typed.length; i++) this.#excused.add(i);
    this.#excusing = true;
  }

  /** How many of the keys are missing in a value: all, and those of them that may not be hidden. */
  missing(value: string): { readonly lost: number; readonly unexcused: number } {
    const lost = this.#typed.flatMap((key, i) => (value.includes(key) ? [] : [i]));
    return { lost: lost.length, unexcused: lost.filter((i) => !this.#excused.has(i)).length };
  }

  #watch(): void {
    const shown = this.value;
    if (!shown.startsWith(this.#shown)) this.back++;
    this.#shown = shown;
  }
}
