import type { TaskGroup } from '../../messages/task.js';
import type { OpenGroup } from '../open-task.js';
import type { Refusals } from '../refusals.js';
import type { DocumentLoader } from './document-loader.js';
import type { LoadedDocument } from './documents.js';
import type { Endings } from './endings.js';

export interface ProcessAnewOptions {
  readonly endings: Pick<Endings, 'release'>;
  readonly loader: Pick<DocumentLoader, 'wait'>;
  readonly refusals: Pick<Refusals, 'refuseGroup'>;
  /** Does what is asked of a document that is in memory. */
  readonly process: (document: LoadedDocument, group: TaskGroup, openGroup: OpenGroup) => void;
}

/** What came for a document that has ended meanwhile: the storage knows whether it is deleted, or may begin anew. */
export function processAnew(
  { endings, loader, refusals, process }: ProcessAnewOptions,
  document: LoadedDocument,
  group: TaskGroup,
  openGroup: OpenGroup,
): void {
  if (!endings.release(document)) {
    refusals.refuseGroup(document.id, group, openGroup, 'DOCUMENT_DELETED');
    return;
  }
  const present = loader.wait(document.id, { group, openGroup });
  if (present !== undefined) process(present, group, openGroup);
}
