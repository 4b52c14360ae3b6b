/** The cells that are played on each kind of storage: one of each scenario and client, in the middle of the matrix. */
import { cells, clientKinds, type Cell } from './cell.js';

export const selection: readonly Cell[] = [
  ...cells(['one writer, others beside', 'two writers, two fields'], clientKinds, [80], [true]),
  ...cells(['two writers in turns, one field', 'a writer who joins a written field'], clientKinds, [80], [false]),
  ...cells(['two writers at once, one field', 'a writer who reconnects'], clientKinds, [80], [true]),
  ...cells(['set, then delete 10 ms later'], ['plain, delta', 'plain, delta_batch'], [80], [false]),
];
