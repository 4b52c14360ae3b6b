/** The variables about what documents were. */
import { duration, integer, size, words } from '../kinds.js';
import { variable } from '../variable.js';

export const history = {
  historyPrefixes: variable('HISTORY_PREFIXES', words(), {
    defaultWords: 'none: no history is kept',
    meaning:
      'What the ids of documents begin with whose history is kept: who changed which field when, from what to what, and texts as they were. `*` stands for all documents. Set it to the same on all nodes. docs/integration.md shows what it is for and what it costs.',
    example: 'order:,contract:',
  }),
  historyMaxAgeMs: variable('HISTORY_MAX_AGE', duration(), {
    default: '90d',
    meaning:
      'Age at which entries of histories are dropped. Of a text that is still being written, older parts are kept that the later ones build on.',
  }),
  historyMaxEntries: variable('HISTORY_MAX_ENTRIES', integer(1, 1_000_000), {
    default: '10000',
    meaning:
      'Entries that the history of a document keeps; a change of a field or of the text is one. The oldest are dropped in the background, so for a while there may be more.',
  }),
  historyMaxPageBytes: variable('HISTORY_MAX_PAGE_BYTES', size(1_024, 64 * 1024 ** 2), {
    default: '1MiB',
    unit: 'bytes',
    meaning: 'Most bytes of values in one page of a history. A page has one entry in any case.',
  }),
};
