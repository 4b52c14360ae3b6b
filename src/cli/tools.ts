/** What the commands of the command line share. */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { readDuration } from '../config/load.js';

/** Wrong usage of the command line; printed without a stack trace. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The embedded storage is not as it has to be; printed without a stack trace. */
export class DataError extends Error {
  override readonly name = 'DataError';
}

/** What goes wrong with a storage is said in a sentence. @throws DataError */
export async function withoutStack<Result>(work: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    throw new DataError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** A command: what it does with its arguments, and the text of its `--help`. */
export interface Command {
  readonly help: string;
  run(args: string[]): void | Promise<void>;
}

type Options = NonNullable<ParseArgsConfig['options']>;

/** @throws UsageError for arguments that are not known. */
export function options<T extends Options>(args: string[], known: T) {
  return parse(args, known, false).values;
}

/** Options, and so many words besides them. @throws UsageError that names the words. */
export function wordsAndOptions<T extends Options>(args: string[], known: T, names: readonly string[]) {
  const { values, positionals } = parse(args, known, true);
  if (positionals.length !== names.length) {
    throw new UsageError(names.length === 0 ? `nothing is expected after the command` : `give ${names.join(' and ')}`);
  }
  return { values, words: positionals };
}

function parse<T extends Options>(args: string[], known: T, allowPositionals: boolean) {
  try {
    return parseArgs({ args, options: known, allowPositionals });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** The items of a comma-separated list. */
export function list(value: string | undefined): string[] {
  return (value ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

export function print(...lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** @returns Milliseconds; undefined when nothing was given. @throws UsageError */
export function durationOf(option: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const ms = readDuration(value);
  if (ms === undefined) throw new UsageError(`${option} must be a length of time such as 30m, 24h or 7d`);
  return ms;
}
