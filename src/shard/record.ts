import { scanMessageId, type FrameHead } from '../protocol/frame.js';
import { ObjectScan } from '../protocol/json-scan.js';
import {
  isWrite,
  recordKinds,
  type StateVectorRequest,
  type SubscribeRequest,
  type TaskRecord,
} from '../messages/task.js';

/** The head of the frame that a write came in. */
export function headOf({ kind, form, timestamp, payload }: TaskRecord): FrameHead {
  const type = kind === recordKinds.deltaBatch ? 'delta_batch' : 'delta';
  return { kind: 'frame', type, form, timestamp, start: 0, end: payload.length };
}

/** The id that a record's sender waits for, as far as it can be read; for errors only. */
export function requestIdOf(record: TaskRecord): string | undefined {
  if (isWrite(record)) return scanMessageId(record.payload, headOf(record), new ObjectScan());
  if (record.kind === recordKinds.interest) return undefined;
  return (JSON.parse(record.payload.toString()) as SubscribeRequest | StateVectorRequest).requestId;
}
