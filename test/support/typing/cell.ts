/** One cell of the typing matrix: who types how, and from where. */
import { Random } from '../random.js';

export const clientKinds = [
  'SDK 0.1.1',
  'model of 0.3, delta_batch',
  'model of 0.3, delta',
  'plain, delta',
  'plain, delta_batch',
] as const;

export type ClientKind = (typeof clientKinds)[number];

export const scenarioNames = [
  'alone',
  'one writer, others beside',
  'two writers, two fields',
  'two writers in turns, one field',
  'two writers at once, one field',
  'a writer who joins a written field',
  'a writer who reconnects',
  'set, then delete 10 ms later',
] as const;

export type ScenarioName = (typeof scenarioNames)[number];

export interface Cell {
  readonly scenario: ScenarioName;
  readonly client: ClientKind;
  readonly roundTripMs: number;
  /** Of the network each way and of the keys, in ms; 0 is none. */
  readonly jitterMs: number;
}

export interface Outcome {
  readonly cell: Cell;
  readonly typed: number;
  /** Keys that are not in the value that all ended with. */
  readonly lost: number;
  /** Of these, the keys that were not under way in the first round trip after joining or reconnecting. */
  readonly unexcused: number;
  /** How often a field showed its writer something else than what it had shown before and more. */
  readonly back: number;
  /** What the server and each client ended with differently, and messages that should not have come. */
  readonly problems: readonly string[];
}

/** A cell for each combination; with jitter of the size of the round trip's half. */
export function cells(
  scenarios: readonly ScenarioName[],
  clients: readonly ClientKind[],
  roundTripsMs: readonly number[],
  jitters: readonly boolean[] = [false, true],
): Cell[] {
  return scenarios.flatMap((scenario) =>
    clients.flatMap((client) =>
      roundTripsMs.flatMap((roundTripMs) =>
        jitters.map((jitter) => ({
          scenario,
          client,
          roundTripMs,
          jitterMs: jitter ? Math.min(30, roundTripMs / 2) : 0,
        })),
      ),
    ),
  );
}

export function cellName({ scenario, client, roundTripMs, jitterMs }: Cell): string {
  return `${scenario}: ${client}, ${roundTripMs} ms${jitterMs > 0 ? ' with jitter' : ''}`;
}

/** Numbers that are the same in each run of the cell. */
export function randomOf(cell: Cell): Random {
  const name = Buffer.from(cellName(cell));
  return new Random(name.reduce((sum, byte) => (sum * 31 + byte) % 1e9, 7));
}
