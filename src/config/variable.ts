/** One row of the configuration table. */
import type { Kind } from './kinds.js';

interface About {
  /** What a plain number counts. */
  readonly unit?: string;
  /** What it is for, in full sentences; 0 is explained where it means something of its own. */
  readonly meaning: string;
  readonly example?: string;
  /** The value is never printed. */
  readonly secret?: boolean;
}

export interface Variable<T = unknown> extends About {
  /** The environment variable. */
  readonly name: string;
  readonly kind: Kind<T>;
  /** Read like text of the environment when the variable is not set. */
  readonly default?: string;
  /** In words, where the default follows from something else; the value is then undefined. */
  readonly defaultWords?: string;
}

interface FixedDefault extends About {
  readonly default: string;
}

interface OtherDefault extends About {
  readonly defaultWords: string;
}

export function variable<T>(name: string, kind: Kind<T>, about: FixedDefault): Variable<T> & FixedDefault;
export function variable<T>(name: string, kind: Kind<T>, about: OtherDefault): Variable<T> & OtherDefault;
export function variable<T>(name: string, kind: Kind<T>, about: FixedDefault | OtherDefault): Variable<T> {
  return { name, kind, ...about };
}

/** What a variable is once it is read. */
export type ValueOf<V> =
  V extends Variable<infer T> ? (V extends { readonly default: string } ? T : T | undefined) : never;
