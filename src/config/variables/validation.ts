/** The variables about rules that writes must keep. */
import { text } from '../kinds.js';
import { variable } from '../variable.js';

export const validation = {
  schemaDirectory: variable('SCHEMA_DIR', text('the path of a folder', /./), {
    defaultWords: 'none: every value is allowed',
    meaning:
      'Folder of JSON Schemas (`*.json`), each for the documents whose ids begin with its `x-document-prefix`; the longest prefix counts. A write that a schema forbids is refused with `VALIDATION_FAILED` before anybody sees it. The files are read at start (docs/integration.md).',
    example: '/etc/synckit/schemas',
  }),
};
