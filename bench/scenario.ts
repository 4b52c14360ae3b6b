import type { Bench } from './bench.js';
import type { Options } from './options.js';

/** One row of a scenario's table: strings name what was measured, numbers are the results. */
export type Row = Readonly<Record<string, number | string>>;

/** The conditions of the measurement: name → value. */
export type Conditions = Readonly<Record<string, number | string>>;

export interface Scenario {
  readonly name: string;
  readonly about: string;
  /** How often it runs by default; each number is the median of the rounds. */
  readonly rounds: number;
  /** Runs only when it is named: it needs more resources than the others. */
  readonly onlyNamed?: true;
  /** What differs from scenario to scenario; see conditions.ts for what all have in common. */
  conditions(options: Options): Conditions;
  /** Measures once. Rows have the same texts, in the same order, in every round. */
  run(bench: Bench): Promise<Row[]>;
}
