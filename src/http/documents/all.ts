/** All routes of the HTTP API, in the order of the docs. */
import { openApiOf } from '../api/openapi.js';
import { adminSpecs } from '../admin/specs.js';
import type { RouteSpec } from '../api/route.js';
import * as history from './history-specs.js';
import * as changes from '../changes/specs.js';
import * as lifecycle from './lifecycle-specs.js';
import * as snapshots from '../snapshots/specs.js';
import * as specs from './specs.js';

export const apiSpecs: readonly RouteSpec[] = [
  lifecycle.listDocuments,
  specs.getDocument,
  specs.patchDocument,
  specs.postDeltas,
  specs.getText,
  specs.putText,
  specs.followDocument,
  history.getActivity,
  history.getPast,
  history.rollbackDocument,
  lifecycle.deleteDocument,
  lifecycle.restoreDocument,
  changes.getChanges,
  ...adminSpecs,
  snapshots.createSnapshot,
  snapshots.listSnapshots,
  snapshots.latestSnapshot,
  snapshots.getSnapshot,
  snapshots.restoreSnapshot,
  snapshots.removeSnapshot,
];

/** What `/openapi.json` answers. */
export function openApi(): object {
  return openApiOf({
    specs: apiSpecs,
    named: {
      Document: specs.documentSchema,
      SnapshotInfo: snapshots.snapshotInfoSchema,
      Snapshot: snapshots.snapshotSchema,
    },
  });
}
