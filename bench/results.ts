/** From rounds to numbers, on the screen and in files. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from '../src/version.js';
import { rounded } from './measure.js';
import type { Conditions, Row } from './scenario.js';

/** More of them don't fit a screen. */
const MOST_COLUMNS = 8;

/** A scenario's outcome as it is kept. */
export interface Result {
  readonly scenario: string;
  readonly about: string;
  readonly conditions: Conditions;
  /** Medians of the rounds. */
  readonly rows: readonly Row[];
  readonly rounds: readonly (readonly Row[])[];
}

/** The rows of several rounds as one: of each number the median. */
export function medianRows(rounds: readonly (readonly Row[])[]): Row[] {
  const [first = []] = rounds;
  return first.map((row, i) => mapNumbers(row, (column) => median(rounds.map((rows) => numberAt(rows[i], column)))));
}

/** Each number of one build divided by that of the other; rows are matched by their texts. */
export function ratioRows(rows: readonly Row[], others: readonly Row[]): Row[] {
  const byLabel = new Map(others.map((row) => [textsOf(row).join(), row]));
  return rows
    .filter((row) => byLabel.has(textsOf(row).join()))
    .map((row) => mapNumbers(row, (column, value) => ratio(value, numberAt(byLabel.get(textsOf(row).join()), column))));
}

/** Shows rows, those with other columns than the row before in a table of their own. */
export function printTables(rows: readonly Row[]): void {
  let from = 0;
  for (let i = 1; i <= rows.length; i++) {
    const [before, row] = [rows[i - 1] ?? {}, rows[i]];
    if (row !== undefined && numbersOf(row).some((column) => column in before)) continue;
    printTable(rows.slice(from, i));
    from = i;
  }
}

/** Under the texts that the rows are about; many numbers of few rows read better one below the other. */
function printTable(rows: readonly Row[]): void {
  const table: Record<string, Record<string, number>> = {};
  for (const row of rows) {
    const title = textsOf(row).join(' · ');
    for (const [column, value] of Object.entries(row)) {
      if (typeof value !== 'number') continue;
      if (Object.keys(row).length <= MOST_COLUMNS) (table[title] ??= {})[column] = value;
      else (table[column] ??= {})[title] = value;
    }
  }
  console.table(table);
}

/** Rows as a table of Markdown, for documents; those with other columns than the first are left out. */
export function markdownTable(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const lines = rows.map((row) => columns.map((column) => String(row[column] ?? '')));
  const rule = columns.map((column) => (typeof rows[0]?.[column] === 'number' ? '--:' : '---'));
  return [columns, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Keeps a result in bench/results. Returns the file. */
export function saveResult(name: string, result: object): string {
  const folder = join(packageFolder, 'bench/results');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}-${new Date().toISOString().replace(/[:.]/g, '-')}.json`);
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  return file;
}

/** NaN where there is nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = NaN, high = NaN] = [sorted[sorted.length % 2 === 1 ? middle : middle - 1], sorted[middle]];
  return rounded((low + high) / 2);
}

function ratio(value: number, other: number): number {
  return value === other ? 1 : rounded(value / other);
}

function mapNumbers(row: Row, map: (column: string, value: number) => number): Row {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [column, typeof value === 'number' ? map(column, value) : value]),
  );
}

function numberAt(row: Row | undefined, column: string): number {
  const value = row?.[column];
  return typeof value === 'number' ? value : NaN;
}

/** The columns of its numbers. */
function numbersOf(row: Row): string[] {
  return Object.keys(row).filter((column) => typeof row[column] === 'number');
}

/** What a row is about. */
function textsOf(row: Row): string[] {
  return Object.values(row).filter((value) => typeof value === 'string');
}
