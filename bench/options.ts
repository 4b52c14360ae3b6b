/** The command line of the bench. */
import { parseArgs } from 'node:util';

/** The command line; what is undefined is up to the scenario. */
export interface Options {
  /** Names of the scenarios to run; empty for all. */
  readonly scenarios: readonly string[];
  /** Seconds that each number is measured for. */
  readonly seconds: number | undefined;
  readonly connections: number | undefined;
  readonly subscribers: number | undefined;
  /** Documents of `connections` and `peers`, fields of the largest document of `sync`. */
  readonly documents: number | undefined;
  readonly fields: number | undefined;
  /** Writes of `peers` and `processes` a second, to all documents together. */
  readonly writes: number | undefined;
  readonly rounds: number | undefined;
  /** Git ref of another build to run in turns with this one. */
  readonly compare: string | undefined;
  /** Address of a Postgres to use instead of one that the bench starts. */
  readonly postgres: string | undefined;
  /** Folder for CPU profiles of the servers' threads. */
  readonly profile: string | undefined;
}

export const usage = `npm run bench [-- [scenario …] [options]]

  --seconds N       measure each number for N seconds
  --rounds N        run each scenario N times; numbers are medians
  --connections N   connections of the scenarios \`connections\`, \`comeback\`, \`processes\` and \`peers\`
  --subscribers N   subscribers of the scenario \`fanout\`
  --documents N     documents of the scenarios \`connections\` and \`peers\`
  --writes N        writes a second of the scenarios \`peers\` and \`processes\`
  --fields N        fields of the largest document of the scenario \`sync\`
  --compare REF     also build the commit REF, run both in turns and print the ratios
  --postgres URL    use this Postgres, whose user may make databases, for \`ingest\`, \`cluster\`, \`processes\` and \`peers\`
  --profile FOLDER  keep CPU profiles of what was measured, one per thread of the server
`;

/** @throws {TypeError} or {RangeError} with what is wrong with the arguments. */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      seconds: { type: 'string' },
      rounds: { type: 'string' },
      connections: { type: 'string' },
      subscribers: { type: 'string' },
      documents: { type: 'string' },
      fields: { type: 'string' },
      writes: { type: 'string' },
      compare: { type: 'string' },
      postgres: { type: 'string' },
      profile: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return 'help';
  return {
    scenarios: positionals,
    seconds: positive('seconds', values.seconds),
    rounds: positive('rounds', values.rounds),
    connections: positive('connections', values.connections),
    subscribers: positive('subscribers', values.subscribers),
    documents: positive('documents', values.documents),
    fields: positive('fields', values.fields),
    writes: positive('writes', values.writes),
    compare: values.compare,
    postgres: values.postgres,
    profile: values.profile,
  };
}

function positive(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0)) throw new RangeError(`--${name} must be a number above 0, not ${JSON.stringify(text)}`);
  return value;
}
