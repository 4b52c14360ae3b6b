/** One row of the configuration table. */
import type { Kind } from './kinds.js';

interface About {
  /** The unit of a plain number. */
  readonly unit?: string;
  /** What it does, in full sentences; explains 0 where that has a special meaning. */
  readonly meaning: string;
  readonly example?: string;
  /** Whether the value must never be printed. */
  readonly secret?: boolean;
}

export interface Variable<T = unknown> extends About {
  /** Name of the environment variable. */
  readonly name: string;
  readonly kind: Kind<T>;
  /** The default, in the format of the environment. */
  readonly default?: string;
  /** The default in words, where it is derived from something else; `Values` then has undefined. */
  readonly defaultWords?: string;
}

interface FixedDefault extends About {
  readonly default: string;
}

interface OtherDefault extends About {
  readonly defaultWords: string;
}

/** Makes a row of the table. */
export function variable<T>(name: string, kind: Kind<T>, about: FixedDefault): Variable<T> & FixedDefault;
export function variable<T>(name: string, kind: Kind<T>, about: OtherDefault): Variable<T> & OtherDefault;
export function variable<T>(name: string, kind: Kind<T>, about: FixedDefault | OtherDefault): Variable<T> {
  return { name, kind, ...about };
}

/** The type of a variable's value. */
export type ValueOf<V> =
  V extends Variable<infer T> ? (V extends { readonly default: string } ? T : T | undefined) : never;
