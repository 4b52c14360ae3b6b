/** The reference implementation of the core in plain TypeScript, which tests and bench compare with. Not exported. */
export { ReferenceFields } from './fields.js';
export { ReferenceText, type ReferenceTextOptions } from './text.js';
export { clusterCount, clusterOffsets, splitClusters } from './graphemes.js';
export { documentOrder } from './text-order.js';
export { compareRuns, cutRun, toBlock, toRun, type TextRun } from './text-run.js';
export { compareIds, readTextState, writeTextState } from './text-state.js';
export type { TextBlock, TextId, TextState } from './text-state.js';
