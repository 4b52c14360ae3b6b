/** What the scripted worker and the tests that use it have in common. */

/** What a task tells the worker to do with it. */
export type Order =
  /** Answer and settle. */
  | 'settle'
  /** Answer only; it is settled by a later `settleHeld`. */
  | 'hold'
  | 'settleHeld'
  /** The first worker holds it, a later one settles it. */
  | 'holdFirst'
  /** Answer twice. */
  | 'both'
  /** Not return before the flag `released` is set. */
  | 'block'
  | 'die'
  /** Answer, settle, and end before anything else. */
  | 'answerAndDie';

/** Flags that all workers of a test share, by their place in `shared`. */
export const flags = { starts: 0, released: 1, stopped: 2 } as const;

export interface ScriptData {
  readonly shared: SharedArrayBuffer;
  /** Starts that fail: all from this one to that one, counted from 1. */
  readonly failingStarts: readonly [from: number, to: number];
}
