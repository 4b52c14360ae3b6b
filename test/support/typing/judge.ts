/** What each outcome has to be. */
import type { Test } from 'tap';
import { cellName, type Outcome, type ScenarioName } from './cell.js';
import { table } from './matrix.js';

/** Nobody else writes the field: nothing is hidden, ever. */
const ownFields: readonly ScenarioName[] = [
  'alone',
  'one writer, others beside',
  'two writers, two fields',
  'set, then delete 10 ms later',
];

/** A test for each outcome, and the table as a comment. */
export function judge(t: Test, outcomes: readonly Outcome[]): void {
  t.comment(`lost/back:\n${table(outcomes)}`);
  for (const { cell, lost, unexcused, back, problems } of outcomes) {
    void t.test(cellName(cell), (t) => {
      t.same(problems, [], 'all end equal');
      if (ownFields.includes(cell.scenario)) t.same({ lost, back }, { lost: 0, back: 0 }, 'lost keys, values back');
      else t.equal(unexcused, 0, `keys lost that were not in the first round trip (${lost} lost in all)`);
      t.end();
    });
  }
}
