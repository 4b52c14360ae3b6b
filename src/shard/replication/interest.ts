import { recordKinds, type TaskGroup } from '../../messages/task.js';
import type { OpenGroup } from '../open-task.js';
import type { Replication } from './replication.js';

/** Notes who is subscribed. @returns Whether the group asks for nothing else. */
export function noteInterest(
  replication: Pick<Replication, 'setInterest'> | undefined,
  group: TaskGroup,
  openGroup: OpenGroup,
): boolean {
  const { documentId, variants, records } = group;
  const interests = records.filter(({ kind }) => kind === recordKinds.interest);
  if (interests.length === 0) return false;
  const hasOld = hasOldInterest(group);
  replication?.setInterest(documentId, variants, hasOld);
  for (let i = 0; i < interests.length; i++) openGroup.settleRecord();
  return interests.length === records.length && (replication !== undefined || !hasOld);
}

/** Whether there are subscribers that were there before the worker. */
export function hasOldInterest({ records }: TaskGroup): boolean {
  return records.some((record) => record.kind === recordKinds.interest && record.isOld);
}
