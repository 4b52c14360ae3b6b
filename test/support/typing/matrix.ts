/** Plays many cells at once, and prints what came of them. */
import type { Test } from 'tap';
import { scenarioNames, clientKinds, type Cell, type Outcome } from './cell.js';
import { scenarios } from './scenarios.js';
import { Stage } from './stage.js';

/** @param urls Of the nodes. Each cell has its own document. */
export async function play(
  t: Pick<Test, 'teardown'>,
  urls: readonly string[],
  cells: readonly Cell[],
): Promise<Outcome[]> {
  return Promise.all(cells.map((cell, i) => playOne(new Stage(t, urls, cell, documentOf(cell, i)))));
}

function documentOf({ scenario }: Cell, number: number): string {
  return `typing-${scenario.replaceAll(/\W+/g, '-')}-${number}`;
}

async function playOne(stage: Stage): Promise<Outcome> {
  const { cell } = stage;
  try {
    return { cell, ...(await scenarios[cell.scenario](stage)) };
  } catch (error) {
    // The other cells go on.
    return { cell, typed: 0, lost: 0, unexcused: 0, back: 0, problems: [String(error), ...stage.problems] };
  } finally {
    await stage.close();
  }
}

/** A Markdown table: a row for each scenario and client, a column for each distance, `lost/back` in the cells. */
export function table(outcomes: readonly Outcome[]): string {
  const distances = [...new Set(outcomes.map(({ cell }) => distanceOf(cell)))];
  const header = ['scenario', 'client', 'keys', ...distances];
  const rows = scenarioNames.flatMap((scenario) =>
    clientKinds.flatMap((client) => {
      const own = outcomes.filter(({ cell }) => cell.scenario === scenario && cell.client === client);
      if (own.length === 0) return [];
      const results = distances.map((distance) => {
        const there = own.filter(({ cell }) => distanceOf(cell) === distance);
        return there.map(result).join(', ');
      });
      return [[scenario, client, `${own[0]!.typed}`, ...results]];
    }),
  );
  return [header, header.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function result({ lost, back, problems }: Outcome): string {
  return `${lost}/${back}${problems.length > 0 ? ' (failed)' : ''}`;
}

function distanceOf({ roundTripMs, jitterMs }: Cell): string {
  return `${roundTripMs} ms${jitterMs > 0 ? ' ± jitter' : ''}`;
}
