import type { Bench } from './bench.js';
import type { Options } from './options.js';

/** One line of a scenario's table: texts say what was measured, numbers what came out. */
export type Row = Readonly<Record<string, number | string>>;

/** Under what the numbers came about: name → value. */
export type Conditions = Readonly<Record<string, number | string>>;

export interface Scenario {
  readonly name: string;
  readonly about: string;
  /** How often it runs unless the command line says otherwise; each number is the median of the rounds. */
  readonly rounds: number;
  /** Runs only when it is named: it takes more of the machine than the others. */
  readonly onlyNamed?: true;
  /** What differs from scenario to scenario; see conditions.ts for what all have in common. */
  conditions(options: Options): Conditions;
  /** Measures once. Rows have the same texts, in the same order, in every round. */
  run(bench: Bench): Promise<Row[]>;
}
