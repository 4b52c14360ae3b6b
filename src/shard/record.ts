import { scanMessageId, type FrameHead } from '../protocol/frame.js';
import { ObjectScan } from '../protocol/json/json-scan.js';
import {
  isWrite,
  recordKinds,
  type ReadRecord,
  type StateVectorRequest,
  type SubscribeRequest,
  type WriteRecord,
} from '../messages/task.js';

/** The head of the frame that a write came in. */
export function headOf({ kind, form, timestamp, payload }: WriteRecord): FrameHead {
  const type = kind === recordKinds.deltaBatch ? 'delta_batch' : 'delta';
  return { kind: 'frame', type, form, timestamp, start: 0, end: payload.length };
}

/** The id that a record's sender waits for, as far as it can be read; for errors only. */
export function requestIdOf(record: WriteRecord | ReadRecord): string | undefined {
  if (record.kind === recordKinds.httpWrite) return undefined;
  if (isWrite(record)) return scanMessageId(record.payload, headOf(record), new ObjectScan());
  return (JSON.parse(record.payload.toString()) as SubscribeRequest | StateVectorRequest).requestId;
}
